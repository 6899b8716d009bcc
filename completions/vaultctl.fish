# fish completion for vaultctl; load it with: vaultctl completion fish | source

function __vaultctl_complete
    set -l words (commandline -opc)
    set -l found ($words[1] __complete $words[2..-1] (commandline -ct) 2>/dev/null)
    if set -q found[1]
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end

complete -c vaultctl -f -a '(__vaultctl_complete)'

"""The completion scripts: each asks the program itself what can come next."""

BASH = r"""# bash completion for vaultctl; load it with: source <(vaultctl completion bash)

_vaultctl() {
    local line=${COMP_LINE:0:COMP_POINT} word=${COMP_WORDS[COMP_CWORD]} typed candidate
    local -a words
    read -a words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    typed=${words[-1]}
    [[ $word == = ]] && word= # bash parts words at "=" too, and wants only what stands behind it
    COMPREPLY=()
    while IFS=$'\t' read -r candidate _; do
        [[ $candidate == *[/=] ]] && compopt -o nospace
        printf -v candidate %q "${candidate:$((${#typed} - ${#word}))}"
        COMPREPLY+=("$candidate")
    done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
}

complete -o default -F _vaultctl vaultctl
"""

ZSH = r"""#compdef vaultctl
# zsh completion for vaultctl; load it with: source <(vaultctl completion zsh)

_vaultctl() {
    local line word
    local -a plain plain_texts open open_texts
    for line in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        word=${line%%$'\t'*}
        [[ -z $word ]] && continue
        if [[ $word == *[/=] ]]; then
            open+=("$word") open_texts+=("$word  -- ${line#*$'\t'}")
        else
            plain+=("$word") plain_texts+=("$word  -- ${line#*$'\t'}")
        fi
    done
    if (( ${#plain} + ${#open} == 0 )); then
        _files
        return
    fi
    compadd -l -d plain_texts -a plain
    compadd -S '' -l -d open_texts -a open
}

if [[ ${funcstack[1]-} == _vaultctl ]]; then
    _vaultctl "$@"
else
    compdef _vaultctl vaultctl
fi
"""

FISH = r"""# fish completion for vaultctl; load it with: vaultctl completion fish | source

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
"""

SCRIPTS = {"bash": BASH, "fish": FISH, "zsh": ZSH}
FILES = {"bash": "vaultctl.bash", "fish": "vaultctl.fish", "zsh": "_vaultctl"}
"""The name under which a shell looks for its script."""

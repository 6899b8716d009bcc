# bash completion for vaultctl; load it with: source <(vaultctl completion bash)

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

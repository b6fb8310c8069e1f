#compdef PROGRAM
compdef _PROGRAM PROGRAM

# zsh completion for PROGRAM                              -*- shell-script -*-

# What the last word could be, PROGRAM itself says: one candidate a line, with a tab and a word about it, and in the end
# `:` and a number that tells how to go on from there.
_PROGRAM()
{
    local out directive line name about flag="" tab=$'\t'
    local -a candidates nospace
    out=$(eval "${words[1]} __complete ${(j: :)${words[2,CURRENT]}}${${words[CURRENT]:+}:- \"\"}" 2>/dev/null)
    directive=${out##*:}
    out=${out%:*}
    [[ ${directive} == <-> ]] || directive=0
    # 1: an error, 2: no space, 4: no files, 8: files that end so
    ((directive & 1)) && return 1
    [[ ${words[CURRENT]} == -*=* ]] && flag="${words[CURRENT]%%=*}="
    if ((directive & 8)); then
        local glob="*.(${(j:|:)${(f)out}})"
        [[ -n ${flag} ]] && compset -P '*='
        _files -g "${glob}"
        return
    fi
    for line in ${(f)out}; do
        name=${line%%${tab}*}
        about=${line#*${tab}}
        name=${name//:/\\:}
        if [[ ${line} == *${tab}* ]]; then
            candidates+=("${flag}${name}:${about}")
        else
            candidates+=("${flag}${name}")
        fi
    done
    ((directive & 2)) && nospace=(-S '')
    if ((${#candidates})); then
        _describe -V 'completions' candidates "${nospace[@]}"
    elif ! ((directive & 4)); then
        [[ -n ${flag} ]] && compset -P '*='
        _files
    else
        return 1
    fi
}

# Sourced or evaluated, it is only defined.
if [ "$funcstack[1]" = "_PROGRAM" ]; then
    _PROGRAM
fi

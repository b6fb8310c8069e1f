# bash completion V2 for PROGRAM                              -*- shell-script -*-

# What the last word of the line could be, PROGRAM itself says: one candidate a line, with a tab and a word about it, and
# in the end `:` and a number that tells how to go on from there.
__PROGRAM_ask()
{
    local asked="${words[0]} __complete" word
    for word in "${words[@]:1}"; do
        # What was typed is taken as it stands, variables and all.
        asked+=" ${word:-\"\"}"
    done
    out=$(eval "${asked}" 2>/dev/null)
    directive=${out##*:}
    out=${out%:*}
    [[ ${directive} =~ ^[0-9]+$ ]] || directive=0
}

# Candidates in a list carry what is said of them, cut to the width of the terminal.
__PROGRAM_describe()
{
    local tab=$'\t' longest=0 at name about most
    for at in "${!COMPREPLY[@]}"; do
        name=${COMPREPLY[at]%%"${tab}"*}
        ((${#name} > longest)) && longest=${#name}
    done
    for at in "${!COMPREPLY[@]}"; do
        [[ ${COMPREPLY[at]} == *"${tab}"* ]] || continue
        name=${COMPREPLY[at]%%"${tab}"*}
        about=${COMPREPLY[at]#*"${tab}"}
        most=$((${COLUMNS:-80} - longest - 4))
        ((most < 8)) && most=8
        ((${#about} > most)) && about="${about:0:most-1}…"
        printf -v "COMPREPLY[at]" "%-${longest}s  (%s)" "${name}" "${about}"
    done
}

# The shell completes only what follows the last of its word breaks.
__PROGRAM_without_beginning()
{
    local char=$1 at
    [[ ${cur} == *"${char}"* && ${COMP_WORDBREAKS} == *"${char}"* ]] || return 0
    local beginning=${cur%"${cur##*"${char}"}"}
    for at in "${!COMPREPLY[@]}"; do
        COMPREPLY[at]=${COMPREPLY[at]#"${beginning}"}
    done
}

__start_PROGRAM()
{
    local line=${COMP_LINE:0:COMP_POINT} cur="" out directive tab=$'\t' candidate flag=""
    local -a words
    COMPREPLY=()
    read -ra words <<<"${line}"
    if [[ ${line} == *[[:space:]] ]]; then
        words+=("")
    else
        cur=${words[${#words[@]}-1]}
    fi
    __PROGRAM_ask
    # 1: an error, 2: no space, 4: no files, 8: files that end so
    ((directive & 1)) && return 0
    if [[ $(type -t compopt) == builtin ]]; then
        ((directive & 2)) && compopt -o nospace
        ((directive & 4)) && compopt +o default
    fi
    # Behind `--flag=` the value alone is completed.
    [[ ${cur} == -*=* ]] && flag="${cur%%=*}="
    if ((directive & 8)); then
        local ending
        while IFS= read -r candidate; do
            [[ -d ${candidate} ]] && COMPREPLY+=("${candidate}") && continue
            for ending in ${out}; do
                [[ ${candidate} == *."${ending}" ]] && COMPREPLY+=("${candidate}")
            done
        done < <(compgen -f -- "${cur#"${flag}"}")
        [[ $(type -t compopt) == builtin ]] && compopt -o filenames
        return 0
    fi
    while IFS= read -r candidate; do
        [[ -n ${candidate} && "${flag}${candidate%%"${tab}"*}" == "${cur}"* ]] && COMPREPLY+=("${flag}${candidate}")
    done <<<"${out}"
    if ((${#COMPREPLY[@]} == 1)); then
        printf -v "COMPREPLY[0]" "%q" "${COMPREPLY[0]%%"${tab}"*}"
    elif ((${#COMPREPLY[@]} > 1)); then
        case ${COMP_TYPE:-9} in
            37 | 42) COMPREPLY=("${COMPREPLY[@]%%"${tab}"*}") ;;
            *) __PROGRAM_describe ;;
        esac
    fi
    __PROGRAM_without_beginning :
    __PROGRAM_without_beginning =
}

if [[ $(type -t compopt) == builtin ]]; then
    complete -o default -F __start_PROGRAM PROGRAM
else
    complete -o default -o nospace -F __start_PROGRAM PROGRAM
fi

# ex: ts=4 sw=4 et filetype=sh

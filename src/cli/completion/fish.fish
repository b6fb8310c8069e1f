# fish completion for PROGRAM                              -*- shell-script -*-

# What the last word could be, PROGRAM itself says: one candidate a line, with a tab and a word about it, and in the end
# `:` and a number that tells how to go on from there.
function __PROGRAM_complete
    set -l before (commandline -opc)
    set -l last (string escape -- (commandline -ct))
    set -l out (eval $before[1] __complete $before[2..-1] $last 2>/dev/null)
    test (count $out) -gt 0; or return 1
    set -l directive (string sub --start 2 -- $out[-1])
    set -l flag (string match -r -- '^-.*?=' (commandline -ct))
    # 1: an error, 2: no space, 4: no files, 8: files that end so
    if test (math "bitand($directive, 1)") -ne 0
        return 1
    end
    if test (math "bitand($directive, 8)") -ne 0
        __fish_complete_suffix .yaml .yml .json
        return
    end
    for candidate in $out[1..-2]
        printf "%s%s\n" "$flag" $candidate
    end
    if test (count $out) -eq 1; and test (math "bitand($directive, 4)") -eq 0
        __fish_complete_path (commandline -ct)
    end
end

complete -c PROGRAM -e
complete -c PROGRAM -f -a '(__PROGRAM_complete)'

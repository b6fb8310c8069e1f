//! How tools say how to be used, after a complaint.

/// busybox's banner and usage of a tool.
pub fn busybox(name: &str) -> String {
    let usage = match USAGES.binary_search_by_key(&name, |(n, _)| n) {
        Ok(at) => USAGES[at].1.to_string(),
        Err(_) => format!("{name} [OPTIONS]"),
    };
    format!("BusyBox v1.36.1 (2024-06-10 07:11:47 UTC) multi-call binary.\n\nUsage: {usage}\n")
}

/// The usages of busybox's tools, by name in order.
#[rustfmt::skip]
const USAGES: &[(&str, &str)] = &[
    ("awk", "awk [OPTIONS] [AWK_PROGRAM] [FILE]...\n\
        \n\
        \t-v VAR=VAL\tSet variable\n\
        \t-F SEP\t\tUse SEP as field separator\n\
        \t-f FILE\t\tRead program from FILE\n\
        \t-e AWK_PROGRAM"),
    ("base64", "base64 [-d] [-w COL] [FILE]\n\
        \n\
        Base64 encode or decode FILE to standard output\n\
        \n\
        \t-d\tDecode data\n\
        \t-w COL\tWrap lines at COL (default 76, 0 disables)"),
    ("bc", "bc [-sqlw] [FILE]...\n\
        \n\
        Arbitrary precision calculator\n\
        \n\
        \t-q\tQuiet\n\
        \t-l\tLoad standard library\n\
        \t-s\tBe POSIX compatible\n\
        \t-w\tWarn if extensions are used\n\
        \n\
        $BC_LINE_LENGTH changes output width"),
    ("bzip2", "bzip2 [-cfkdt123456789] [FILE]...\n\
        \n\
        Compress FILEs (or stdin) with bzip2 algorithm\n\
        \n\
        \t-1..9\tCompression level\n\
        \t-d\tDecompress\n\
        \t-c\tWrite to stdout\n\
        \t-f\tForce\n\
        \t-k\tKeep input files\n\
        \t-t\tTest integrity"),
    ("cat", "cat [-nbvteA] [FILE]...\n\
        \n\
        Print FILEs to stdout\n\
        \n\
        \t-n\tNumber output lines\n\
        \t-b\tNumber nonempty lines\n\
        \t-v\tShow nonprinting characters as ^x or M-x\n\
        \t-t\t...and tabs as ^I\n\
        \t-e\t...and end lines with $\n\
        \t-A\tSame as -vte"),
    ("cmp", "cmp [-ls] [-n NUM] FILE1 [FILE2 [SKIP1 [SKIP2]]]\n\
        \n\
        Compare FILE1 with FILE2 (or stdin)\n\
        \n\
        \t-l\tWrite the byte numbers (decimal) and values (octal)\n\
        \t\tfor all differing bytes\n\
        \t-s\tQuiet\n\
        \t-n NUM\tCompare at most NUM bytes"),
    ("crc32", "crc32 FILE...\n\
        \n\
        Calculate CRC32 checksum of FILEs"),
    ("cut", "cut [OPTIONS] [FILE]...\n\
        \n\
        Print selected fields from FILEs to stdout\n\
        \n\
        \t-b LIST\tOutput only bytes from LIST\n\
        \t-c LIST\tOutput only characters from LIST\n\
        \t-d SEP\tField delimiter for input (default -f TAB, -F run of whitespace)\n\
        \t-O SEP\tField delimiter for output (default = -d for -f, one space for -F)\n\
        \t-D\tDon't sort/collate sections or match -fF lines without delimiter\n\
        \t-f LIST\tPrint only these fields (-d is single char)\n\
        \t-F LIST\tPrint only these fields (-d is regex)\n\
        \t-s\tOutput only lines containing delimiter\n\
        \t-n\tIgnored"),
    ("dc", "dc [-x] [-eSCRIPT]... [-fFILE]... [FILE]...\n\
        \n\
        Tiny RPN calculator. Operations:\n\
        Arithmetic: + - * / % ^\n\
        ~ - divide with remainder\n\
        | - modular exponentiation\n\
        v - square root\n\
        p - print top of the stack without popping\n\
        f - print entire stack\n\
        k - pop the value and set precision\n\
        i - pop the value and set input radix\n\
        o - pop the value and set output radix\n\
        Examples: dc -e'2 2 + p' -> 4, dc -e'8 8 * 2 2 + / p' -> 16"),
    ("diff", "diff [-abBdiNqrTstw] [-L LABEL] [-S FILE] [-U LINES] FILE1 FILE2\n\
        \n\
        Compare files line by line and output the differences between them.\n\
        This implementation supports unified diffs only.\n\
        \n\
        \t-a\tTreat all files as text\n\
        \t-b\tIgnore changes in the amount of whitespace\n\
        \t-B\tIgnore changes whose lines are all blank\n\
        \t-d\tTry hard to find a smaller set of changes\n\
        \t-i\tIgnore case differences\n\
        \t-L\tUse LABEL instead of the filename in the unified header\n\
        \t-N\tTreat absent files as empty\n\
        \t-q\tOutput only whether files differ\n\
        \t-r\tRecurse\n\
        \t-S\tStart with FILE when comparing directories\n\
        \t-T\tMake tabs line up by prefixing a tab when necessary\n\
        \t-s\tReport when two files are the same\n\
        \t-t\tExpand tabs to spaces in output\n\
        \t-U\tOutput LINES lines of context\n\
        \t-w\tIgnore all whitespace"),
    ("dos2unix", "dos2unix [-ud] [FILE]\n\
        \n\
        Convert FILE in-place from DOS to Unix format.\n\
        When no file is given, use stdin/stdout.\n\
        \n\
        \t-u\tdos2unix\n\
        \t-d\tunix2dos"),
    ("expand", "expand [-i] [-t N] [FILE]...\n\
        \n\
        Convert tabs to spaces, writing to stdout\n\
        \n\
        \t-i\tDon't convert tabs after non blanks\n\
        \t-t\tTabstops every N chars"),
    ("factor", "factor [NUMBER]...\n\
        \n\
        Print prime factors"),
    ("fold", "fold [-bs] [-w WIDTH] [FILE]...\n\
        \n\
        Wrap input lines in FILEs (or stdin), writing to stdout\n\
        \n\
        \t-b\tCount bytes rather than columns\n\
        \t-s\tBreak at spaces\n\
        \t-w\tUse WIDTH columns instead of 80"),
    ("grep", "grep [-HhnlLoqvsrRiwFEz] [-m N] [-A|B|C N] { PATTERN | -e PATTERN... | -f FILE... } [FILE]...\n\
        \n\
        Search for PATTERN in FILEs (or stdin)\n\
        \n\
        \t-H\tAdd 'filename:' prefix\n\
        \t-h\tDo not add 'filename:' prefix\n\
        \t-n\tAdd 'line_no:' prefix\n\
        \t-l\tShow only names of files that match\n\
        \t-L\tShow only names of files that don't match\n\
        \t-c\tShow only count of matching lines\n\
        \t-o\tShow only the matching part of line\n\
        \t-q\tQuiet. Return 0 if PATTERN is found, 1 otherwise\n\
        \t-v\tSelect non-matching lines\n\
        \t-s\tSuppress open and read errors\n\
        \t-r\tRecurse\n\
        \t-R\tRecurse and dereference symlinks\n\
        \t-i\tIgnore case\n\
        \t-w\tMatch whole words only\n\
        \t-x\tMatch whole lines only\n\
        \t-F\tPATTERN is a literal (not regexp)\n\
        \t-E\tPATTERN is an extended regexp\n\
        \t-z\tNUL terminated input\n\
        \t-m N\tMatch up to N times per file\n\
        \t-A N\tPrint N lines of trailing context\n\
        \t-B N\tPrint N lines of leading context\n\
        \t-C N\tSame as '-A N -B N'\n\
        \t-e PTRN\tPattern to match\n\
        \t-f FILE\tRead pattern from file"),
    ("gunzip", "gunzip [-cfkt] [FILE]...\n\
        \n\
        Decompress FILEs (or stdin)\n\
        \n\
        \t-c\tWrite to stdout\n\
        \t-f\tForce\n\
        \t-k\tKeep input files\n\
        \t-t\tTest integrity"),
    ("gzip", "gzip [-cfkdt] [FILE]...\n\
        \n\
        Compress FILEs (or stdin)\n\
        \n\
        \t-d\tDecompress\n\
        \t-c\tWrite to stdout\n\
        \t-f\tForce\n\
        \t-k\tKeep input files\n\
        \t-t\tTest integrity"),
    ("head", "head [OPTIONS] [FILE]...\n\
        \n\
        Print first 10 lines of FILEs (or stdin).\n\
        With more than one FILE, precede each with a filename header.\n\
        \n\
        \t-n N[bkm]\tPrint first N lines\n\
        \t-n -N[bkm]\tPrint all except N last lines\n\
        \t-c [-]N[bkm]\tPrint first N bytes\n\
        \t\t\t(b:*512 k:*1024 m:*1024^2)\n\
        \t-q\t\tNever print headers\n\
        \t-v\t\tAlways print headers"),
    ("hexdump", "hexdump [-bcdoxCv] [-e FMT] [-f FMT_FILE] [-n LEN] [-s OFS] [FILE]...\n\
        \n\
        Display FILEs (or stdin) in a user specified format\n\
        \n\
        \t-b\t\t1-byte octal display\n\
        \t-c\t\t1-byte character display\n\
        \t-d\t\t2-byte decimal display\n\
        \t-o\t\t2-byte octal display\n\
        \t-x\t\t2-byte hex display\n\
        \t-C\t\thex+ASCII 16 bytes per line\n\
        \t-v\t\tShow all (no dup folding)\n\
        \t-e FORMAT_STR\tExample: '16/1 \"%02x|\"\"\\n\"'\n\
        \t-f FORMAT_FILE\n\
        \t-n LENGTH\tShow only first LENGTH bytes\n\
        \t-s OFFSET\tSkip OFFSET bytes"),
    ("less", "less [-EFIMmNSRh~] [FILE]...\n\
        \n\
        View FILE (or stdin) one screenful at a time\n\
        \n\
        \t-E\tQuit once the end of a file is reached\n\
        \t-F\tQuit if entire file fits on first screen\n\
        \t-I\tIgnore case in all searches\n\
        \t-M,-m\tDisplay status line with line numbers\n\
        \t\tand percentage through the file\n\
        \t-N\tPrefix line number to each line\n\
        \t-S\tTruncate long lines\n\
        \t-R\tRemove color escape codes in input\n\
        \t-~\tSuppress ~s displayed past EOF"),
    ("md5sum", "md5sum [-c[sw]] [FILE]...\n\
        \n\
        Print or check MD5 checksums\n\
        \n\
        \t-c\tCheck sums against list in FILEs\n\
        \t-s\tDon't output anything, status code shows success\n\
        \t-w\tWarn about improperly formatted checksum lines"),
    ("more", "more [FILE]...\n\
        \n\
        View FILE (or stdin) one screenful at a time"),
    ("nl", "nl [OPTIONS] [FILE]...\n\
        \n\
        Write FILEs to standard output with line numbers added\n\
        \n\
        \t-b STYLE\tWhich lines to number - a: all, t: nonempty, n: none\n\
        \t-i N\t\tLine number increment\n\
        \t-s STRING\tUse STRING as line number separator\n\
        \t-v N\t\tStart from N\n\
        \t-w N\t\tWidth of line numbers"),
    ("od", "od [-abcdfhilovxs] [-t TYPE] [-A RADIX] [-N SIZE] [-j SKIP] [-S MINSTR] [-w WIDTH] [FILE]...\n\
        \n\
        Print FILEs (or stdin) unambiguously, as octal bytes by default"),
    ("paste", "paste [-d LIST] [-s] [FILE]...\n\
        \n\
        Paste lines from each input file, separated with tab\n\
        \n\
        \t-d LIST\tUse delimiters from LIST, not tab\n\
        \t-s      Serial: one file at a time"),
    ("rev", "rev [FILE]...\n\
        \n\
        Reverse lines of FILE"),
    ("sed", "sed [-i[SFX]] [-nrE] [-f FILE]... [-e CMD]... [FILE]...\n\
        or: sed [-i[SFX]] [-nrE] CMD [FILE]...\n\
        \n\
        \t-e CMD\tAdd CMD to sed commands to be executed\n\
        \t-f FILE\tAdd FILE contents to sed commands to be executed\n\
        \t-i[SFX]\tEdit files in-place (otherwise write to stdout)\n\
        \t\tOptionally back files up, appending SFX\n\
        \t-n\tSuppress automatic printing of pattern space\n\
        \t-r,-E\tUse extended regex syntax\n\
        \n\
        If no -e or -f, the first non-option argument is the sed command string.\n\
        Remaining arguments are input files (stdin if none)."),
    ("seq", "seq [-w] [-s SEP] [FIRST [INC]] LAST\n\
        \n\
        Print numbers from FIRST to LAST, in steps of INC.\n\
        FIRST, INC default to 1.\n\
        \n\
        \t-w\tPad to last with leading zeros\n\
        \t-s SEP\tString separator"),
    ("sha1sum", "sha1sum [-c[sw]] [FILE]...\n\
        \n\
        Print or check SHA1 checksums\n\
        \n\
        \t-c\tCheck sums against list in FILEs\n\
        \t-s\tDon't output anything, status code shows success\n\
        \t-w\tWarn about improperly formatted checksum lines"),
    ("sha256sum", "sha256sum [-c[sw]] [FILE]...\n\
        \n\
        Print or check SHA256 checksums\n\
        \n\
        \t-c\tCheck sums against list in FILEs\n\
        \t-s\tDon't output anything, status code shows success\n\
        \t-w\tWarn about improperly formatted checksum lines"),
    ("sha3sum", "sha3sum [-c[sw]] [-a BITS] [FILE]...\n\
        \n\
        Print or check SHA3 checksums\n\
        \n\
        \t-c\tCheck sums against list in FILEs\n\
        \t-s\tDon't output anything, status code shows success\n\
        \t-w\tWarn about improperly formatted checksum lines\n\
        \t-a BITS\t224 (default), 256, 384, 512"),
    ("sha512sum", "sha512sum [-c[sw]] [FILE]...\n\
        \n\
        Print or check SHA512 checksums\n\
        \n\
        \t-c\tCheck sums against list in FILEs\n\
        \t-s\tDon't output anything, status code shows success\n\
        \t-w\tWarn about improperly formatted checksum lines"),
    ("shuf", "shuf [-n NUM] [-o FILE] [-z] [FILE | -e [ARG...] | -i L-H]\n\
        \n\
        Randomly permute lines\n\
        \n\
        \t-n NUM\tOutput at most NUM lines\n\
        \t-o FILE\tWrite to FILE, not standard output\n\
        \t-z\tNUL terminated output\n\
        \t-e\tTreat ARGs as lines\n\
        \t-i L-H\tTreat numbers L-H as lines"),
    ("sort", "sort [-nrugMcszbdfiokt] [-o FILE] [-k START[.OFS][OPTS][,END[.OFS][OPTS]] [-t CHAR] [FILE]...\n\
        \n\
        Sort lines of text\n\
        \n\
        \t-o FILE\tOutput to FILE\n\
        \t-c\tCheck whether input is sorted\n\
        \t-b\tIgnore leading blanks\n\
        \t-f\tIgnore case\n\
        \t-i\tIgnore unprintable characters\n\
        \t-d\tDictionary order (blank or alphanumeric only)\n\
        \t-n\tSort numbers\n\
        \t-g\tGeneral numerical sort\n\
        \t-M\tSort month\n\
        \t-V\tSort version\n\
        \t-t CHAR\tField separator\n\
        \t-k N[,M] Sort by Nth field\n\
        \t-r\tReverse sort order\n\
        \t-s\tStable (don't sort ties alphabetically)\n\
        \t-u\tSuppress duplicate lines\n\
        \t-z\tNUL terminated input and output"),
    ("strings", "strings [-fo] [-t o|d|x] [-n LEN] [FILE]...\n\
        \n\
        Display printable strings in a binary file\n\
        \n\
        \t-f\t\tPrecede strings with filenames\n\
        \t-o\t\tPrecede strings with octal offsets\n\
        \t-t o|d|x\tPrecede strings with offsets in base 8/10/16\n\
        \t-n LEN\t\tAt least LEN characters form a string (default 4)"),
    ("tac", "tac [FILE]...\n\
        \n\
        Concatenate FILEs and print them in reverse"),
    ("tail", "tail [OPTIONS] [FILE]...\n\
        \n\
        Print last 10 lines of FILEs (or stdin) to.\n\
        With more than one FILE, precede each with a filename header.\n\
        \n\
        \t-c [+]N[bkm]\tPrint last N bytes\n\
        \t-n N[bkm]\tPrint last N lines\n\
        \t-n +N[bkm]\tStart on Nth line and print the rest\n\
        \t\t\t(b:*512 k:*1024 m:*1024^2)\n\
        \t-q\t\tNever print headers\n\
        \t-v\t\tAlways print headers\n\
        \t-f\t\tPrint data as file grows\n\
        \t-F\t\tSame as -f, but keep retrying\n\
        \t-s SECONDS\tWait SECONDS between reads with -f"),
    ("tar", "tar c|x|t [-ZzJjahmvokO] [-f TARFILE] [-C DIR] [FILE]...\n\
        \n\
        Create, extract, or list files from a tar file\n\
        \n\
        \tc\tCreate\n\
        \tx\tExtract\n\
        \tt\tList\n\
        \t-f FILE\tName of TARFILE ('-' for stdin/out)\n\
        \t-C DIR\tChange to DIR before operation\n\
        \t-v\tVerbose\n\
        \t-O\tExtract to stdout\n\
        \t-m\tDon't restore mtime\n\
        \t-o\tDon't restore user:group\n\
        \t-k\tDon't replace existing files\n\
        \t-Z\t(De)compress using compress\n\
        \t-z\t(De)compress using gzip\n\
        \t-J\t(De)compress using xz\n\
        \t-j\t(De)compress using bzip2\n\
        \t--lzma\t(De)compress using lzma\n\
        \t-a\t(De)compress based on extension\n\
        \t-h\tFollow symlinks\n\
        \t--overwrite\t\tReplace existing files\n\
        \t--strip-components NUM\tNUM of leading components to strip\n\
        \t--no-recursion\t\tDon't descend in directories\n\
        \t--numeric-owner\t\tUse numeric user:group\n\
        \t--no-same-permissions\tDon't restore access permissions\n\
        \t--to-command COMMAND\tPipe files to COMMAND"),
    ("tee", "tee [-ai] [FILE]...\n\
        \n\
        Copy stdin to each FILE, and also to stdout\n\
        \n\
        \t-a\tAppend to the given FILEs, don't overwrite\n\
        \t-i\tIgnore interrupt signals (SIGINT)"),
    ("tr", "tr [-cds] STRING1 [STRING2]\n\
        \n\
        Translate, squeeze, or delete characters from stdin, writing to stdout\n\
        \n\
        \t-c\tTake complement of STRING1\n\
        \t-d\tDelete input characters coded STRING1\n\
        \t-s\tSqueeze multiple output characters of STRING2 into one character"),
    ("unexpand", "unexpand [-fa][-t N] [FILE]...\n\
        \n\
        Convert spaces to tabs, writing to stdout\n\
        \n\
        \t-a\tConvert all blanks\n\
        \t-f\tConvert only leading blanks\n\
        \t-t N\tTabstops every N chars"),
    ("uniq", "uniq [-cduiz] [-f,s,w N] [FILE [OUTFILE]]\n\
        \n\
        Discard duplicate lines\n\
        \n\
        \t-c\tPrefix lines by the number of occurrences\n\
        \t-d\tOnly print duplicate lines\n\
        \t-u\tOnly print unique lines\n\
        \t-i\tIgnore case\n\
        \t-z\tNUL terminated output\n\
        \t-f N\tSkip first N fields\n\
        \t-s N\tSkip first N chars (after any skipped fields)\n\
        \t-w N\tCompare N characters in line"),
    ("unix2dos", "unix2dos [-ud] [FILE]\n\
        \n\
        Convert FILE in-place from Unix to DOS format.\n\
        When no file is given, use stdin/stdout.\n\
        \n\
        \t-u\tdos2unix\n\
        \t-d\tunix2dos"),
    ("uudecode", "uudecode [-o OUTFILE] [INFILE]\n\
        \n\
        Uudecode a file\n\
        Finds OUTFILE in uuencoded source unless -o is given"),
    ("uuencode", "uuencode [-m] [FILE] STORED_FILENAME\n\
        \n\
        Uuencode FILE (or stdin) to stdout\n\
        \n\
        \t-m\tUse base64 encoding per RFC1521"),
    ("wc", "wc [-cmlwL] [FILE]...\n\
        \n\
        Count lines, words, and bytes for FILEs (or stdin)\n\
        \n\
        \t-c\tCount bytes\n\
        \t-m\tCount characters\n\
        \t-l\tCount newlines\n\
        \t-w\tCount words\n\
        \t-L\tPrint longest line length"),
    ("xxd", "xxd [-pri] [-g N] [-c N] [-n LEN] [-s OFS] [-o OFS] [FILE]\n\
        \n\
        Hex dump FILE (or stdin)\n\
        \n\
        \t-g N\t\tBytes per group\n\
        \t-c N\t\tBytes per line\n\
        \t-p\t\tShow only hex bytes, assumes -c30\n\
        \t-i\t\tC include file style\n\
        \t-l LENGTH\tShow only first LENGTH bytes\n\
        \t-s OFFSET\tSkip OFFSET bytes\n\
        \t-o OFFSET\tAdd OFFSET to displayed offset\n\
        \t-r\t\tReverse (with -p, assumes no offsets in input)"),
    ("yes", "yes [STRING]\n\
        \n\
        Repeatedly print a line with STRING, or 'y'"),
    ("zcat", "zcat [FILE]...\n\
        \n\
        Decompress to stdout"),
];

/// GNU sed's usage.
#[rustfmt::skip]
pub const SED: &str = "Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...\n\
        \n\
        \x20 -n, --quiet, --silent\n\
        \x20                suppress automatic printing of pattern space\n\
        \x20     --debug\n\
        \x20                annotate program execution\n\
        \x20 -e script, --expression=script\n\
        \x20                add the script to the commands to be executed\n\
        \x20 -f script-file, --file=script-file\n\
        \x20                add the contents of script-file to the commands to be executed\n\
        \x20 --follow-symlinks\n\
        \x20                follow symlinks when processing in place\n\
        \x20 -i[SUFFIX], --in-place[=SUFFIX]\n\
        \x20                edit files in place (makes backup if SUFFIX supplied)\n\
        \x20 -l N, --line-length=N\n\
        \x20                specify the desired line-wrap length for the `l' command\n\
        \x20 --posix\n\
        \x20                disable all GNU extensions.\n\
        \x20 -E, -r, --regexp-extended\n\
        \x20                use extended regular expressions in the script\n\
        \x20                (for portability use POSIX -E).\n\
        \x20 -s, --separate\n\
        \x20                consider files as separate rather than as a single,\n\
        \x20                continuous long stream.\n\
        \x20     --sandbox\n\
        \x20                operate in sandbox mode (disable e/r/w commands).\n\
        \x20 -u, --unbuffered\n\
        \x20                load minimal amounts of data from the input files and flush\n\
        \x20                the output buffers more often\n\
        \x20 -z, --null-data\n\
        \x20                separate lines by NUL characters\n\
        \x20     --help     display this help and exit\n\
        \x20     --version  output version information and exit\n\
        \n\
        If no -e, --expression, -f, or --file option is given, then the first\n\
        non-option argument is taken as the sed script to interpret.  All\n\
        remaining arguments are names of input files; if no input files are\n\
        specified, then the standard input is read.\n\
        \n\
        GNU sed home page: <https://www.gnu.org/software/sed/>.\n\
        General help using GNU software: <https://www.gnu.org/gethelp/>.\n\
        ";

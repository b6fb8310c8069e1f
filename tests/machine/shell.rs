//! The shell as a state machine: put away between any two runs of it, and fed with scripts that make no sense.

use std::collections::BTreeMap;

use kstate::api::{Duration, Time};
use kstate::machine::disk::Disk;
use kstate::machine::kernel::mounts::{Mount, Source};
use kstate::machine::kernel::{ContainerSpec, Disks, Sandbox};
use kstate::machine::net::Nowhere;

const NOW: Time = Time(1_774_000_000_000);
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

fn start(image: &str, args: &[&str]) -> (Sandbox, Disks) {
    let mut disks = Disks::default();
    disks.all.insert("root".into(), Disk::over_image(image));
    let mut sandbox = Sandbox::new("uid", "host", 42, NOW);
    let mount = |at: &str, what: Source| Mount {
        at: at.into(),
        what,
        read_only: false,
        device: "overlay".into(),
        fs_type: "overlay".into(),
        options: String::new(),
    };
    let spec = ContainerSpec {
        name: "main".into(),
        image: image.into(),
        args: args.iter().map(|a| a.to_string()).collect(),
        env: BTreeMap::from([("PATH", PATH), ("HOME", "/root")].map(|(k, v)| (k.to_string(), v.to_string()))).into(),
        cwd: "/tmp".into(),
        mounts: vec![mount("/", Source::Disk("root".into(), 0)), mount("/proc", Source::Proc)],
        ..ContainerSpec::default()
    };
    sandbox.start_container(spec, &mut disks, NOW).unwrap();
    (sandbox, disks)
}

fn output(sandbox: &Sandbox) -> String {
    sandbox.logs["main"].fresh.iter().map(|e| String::from_utf8_lossy(&e.text).into_owned()).collect()
}

#[test]
fn a_script_outlives_being_put_away() {
    let script = r#"
f() { local n=$1; while [ "$n" -gt 0 ]; do n=$((n-1)); echo "f $n $(sleep 0.2; echo sub$n)"; sleep 1; done; }
trap 'echo bye $?' EXIT
a=(1 "two words" 3); declare -A m=([k]=v)
f 2 | while read -r l; do echo "got $l"; done
for x in "${a[@]}"; do case $x in t*) sleep 0.5; echo "case $x ${m[k]}";; *) echo "$x";; esac; done
{ sleep 0.3; echo bg; } & wait
cat <<E
doc $(sleep 0.2; echo late)
E
exit 3"#;
    let (mut whole, mut disks) = start("debian", &["bash", "-c", script]);
    whole.run(&mut disks, &mut Nowhere, NOW + Duration::secs(600));
    let expected = output(&whole);
    assert!(
        expected.contains("got f 0 sub0") && expected.contains("case two words v") && expected.ends_with("bye 3\n")
    );

    let (mut sandbox, mut disks) = start("debian", &["bash", "-c", script]);
    let mut now = NOW;
    for _ in 0..2000 {
        now = now + Duration::millis(7);
        sandbox.run(&mut disks, &mut Nowhere, now);
        let bytes = postcard::to_allocvec(&sandbox).unwrap();
        sandbox = postcard::from_bytes(&bytes).unwrap();
        if sandbox.containers["main"].ended.is_some() {
            break;
        }
    }
    assert_eq!(sandbox.containers["main"].ended.as_ref().map(|e| e.status.code()), Some(3));
    assert_eq!(output(&sandbox), expected);
}

/// What scripts for the fuzzer are cut and pasted from.
const SEEDS: [&str; 14] = [
    "for i in a b; do echo $i; done; while true; do break; done",
    "case $x in a|b) echo 1;; *) echo 2;; esac",
    "f() { local y=${1:-d}; echo \"$y\" '$y' $((y+1)); return 3; }; f 1 || f",
    "x=$(echo a | cat; echo `echo b`); echo ${x%b*} ${#x} ${x:1:2} ${x/a/b}",
    "cat <<EOF | sort\n$x ${y:=z}\nEOF\necho done >f 2>&1",
    "if [ -f /x ] && ! test 1 -gt 2; then echo a; elif false; then :; else (echo b); fi",
    "a=(1 2 \"3 4\"); echo ${a[@]:1} ${!a[@]}; declare -A m=([k]=v); echo ${m[k]}",
    "[[ $x == a* && ! -d /etc || abc =~ ^(a)b ]]; ((x++)); let y=x*2; echo {1..3}{a,b}",
    "trap 'echo t' EXIT; set -euo pipefail; { echo g; } | while read -r a b; do echo $a; done",
    "echo $'a\\tb' $\"c\" ~ ~/x \\* [a-z] ?; printf '%5s|%-5d|%x\\n' a 1 255; read x <<< b",
    "eval 'echo \"$x\"'; unset x; export y=1; readonly z=2; shift; set -- a b; getopts ab o",
    "sleep 0.01 & wait $!; kill -l 9; exec 3>&1; echo x >&3; echo <(true); echo $! $? $$ $-",
    "alias e='echo x'\ne y; select s in a; do break; done; until false; do break; done",
    "echo $(( (1+2)*3 % 4 ** 2 << 1 > 0 ? 010 : 0x1f )) $[1+1]; time true; ! false; echo a \\\n b",
];

fn mutate(random: &mut impl FnMut() -> usize) -> String {
    let mut text: Vec<char> = SEEDS[random() % SEEDS.len()].chars().collect();
    for _ in 0..1 + random() % 6 {
        let at = random() % (text.len() + 1);
        match random() % 5 {
            0 if at < text.len() => {
                text.remove(at);
            }
            1 => text.insert(at, "'\"`$(){}[]<>|&;\\ \n#!*?~=a1-+%/:@,".chars().nth(random() % 36).unwrap_or('x')),
            2 => {
                let other: Vec<char> = SEEDS[random() % SEEDS.len()].chars().collect();
                let from = random() % other.len();
                let to = (from + random() % 20).min(other.len());
                text.splice(at..at, other[from..to].iter().copied());
            }
            3 => text.truncate(at.max(1)),
            _ => {
                let to = (at + random() % 10).min(text.len());
                text.drain(at..to);
            }
        }
    }
    text.into_iter().collect()
}

#[test]
fn no_script_makes_it_panic_or_hang() {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize
    };
    let rounds = std::env::var("FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(600);
    for _ in 0..rounds {
        let script = mutate(&mut random);
        let (image, shell) = [("busybox", "sh"), ("debian", "dash"), ("debian", "bash")][random() % 3];
        if std::env::var("FUZZ_SHOW").is_ok() {
            eprintln!("--- {shell}\n{script}");
        }
        let (mut sandbox, mut disks) = start(image, &[shell, "-c", &script]);
        sandbox.run(&mut disks, &mut Nowhere, NOW + Duration::secs(5));
        let bytes = postcard::to_allocvec(&sandbox).unwrap();
        let _: Sandbox = postcard::from_bytes(&bytes).unwrap();
    }
}

#[test]
fn nesting_has_an_end() {
    for (open, close) in
        [("(", ")"), ("$(", ")"), ("{ ", "; }"), ("\"$(", ")\""), ("${x:-", "}"), ("$((", "))"), ("if ", "")]
    {
        let script = format!("echo {}x{}", open.repeat(5000), close.repeat(5000));
        for (image, shell) in [("busybox", "sh"), ("debian", "dash"), ("debian", "bash")] {
            let (mut sandbox, mut disks) = start(image, &[shell, "-c", &script]);
            sandbox.run(&mut disks, &mut Nowhere, NOW + Duration::secs(5));
            assert!(sandbox.containers["main"].ended.is_some());
        }
    }
    let (mut sandbox, mut disks) = start("busybox", &["sh", "-c", "f() { f; }; f"]);
    sandbox.run(&mut disks, &mut Nowhere, NOW + Duration::secs(60));
    assert!(sandbox.containers["main"].ended.is_some());
}

/// What somebody sees who types lines into a shell of a terminal.
fn typed(image: &str, shell: &str, lines: &str) -> (String, Option<i32>) {
    let (mut sandbox, mut disks) = start(image, &["sleep", "100"]);
    sandbox.run(&mut disks, &mut Nowhere, NOW + Duration::millis(10));
    let (pid, session) = sandbox.exec("main", vec![shell.into()], (true, true), &mut disks, NOW).unwrap();
    let mut now = NOW + Duration::millis(20);
    sandbox.run(&mut disks, &mut Nowhere, now);
    for line in lines.split_inclusive('\n') {
        sandbox.sessions.get_mut(&session).unwrap().stdin.extend(line.bytes());
        now = now + Duration::secs(2);
        sandbox.run(&mut disks, &mut Nowhere, now);
    }
    let output = &sandbox.sessions.get(&session).unwrap().output;
    let text = output.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect();
    (text, sandbox.exited.get(&pid).map(|s| s.code()))
}

#[test]
fn a_terminal_gets_prompts() {
    let (text, code) =
        typed("busybox", "sh", "echo hi\ncd /etc\nfor i in 1 2\ndo echo $i\ndone\nnope\nfi\necho on\nexit 3\n");
    assert_eq!(
        text,
        "/tmp # hi\n/tmp # /etc # > > 1\n2\n/etc # sh: nope: not found\n/etc # sh: syntax error: unexpected \"fi\"\n/etc # on\n/etc # "
    );
    assert_eq!(code, Some(3));
    let (text, _) = typed("debian", "dash", "echo hi\nx=5; echo $x\n");
    assert_eq!(text, "# hi\n# 5\n# ");
    let (text, _) = typed("debian", "bash", "echo hi\nnope\nfi\necho $((1/0))\necho on\n");
    let prompt = "root@host:/tmp# ";
    assert_eq!(
        text,
        format!(
            "{prompt}hi\n{prompt}bash: nope: command not found\n{prompt}bash: syntax error near unexpected token `fi'\n{prompt}bash: 1/0: division by 0 (error token is \"0\")\n{prompt}on\n{prompt}"
        )
    );
}

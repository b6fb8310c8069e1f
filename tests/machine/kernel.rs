//! The kernel and its disks, by system calls of a process and by tools.

use std::collections::BTreeMap;

use kstate::api::{Duration, Time};
use kstate::machine::disk::{Disk, Inode, Node, ROOT};
use kstate::machine::errno::Errno;
use kstate::machine::kernel::mounts::{Mount, Source};
use kstate::machine::kernel::sys::{Kind, Seek};
use kstate::machine::kernel::{ContainerSpec, Disks, Input, OpenOptions, Program, Sandbox, Signal, Status, Sys, Wait};
use kstate::machine::net::Nowhere;

const NOW: Time = Time(1_796_040_000_000);

fn mount(at: &str, disk: &str, ino: u64) -> Mount {
    Mount {
        at: at.into(),
        what: Source::Disk(disk.into(), ino),
        read_only: false,
        device: disk.into(),
        fs_type: "ext4".into(),
        options: "relatime".into(),
    }
}

struct Pod {
    sandbox: Sandbox,
    disks: Disks,
    pid: u32,
}

impl Pod {
    fn with(args: &[&str], change: impl FnOnce(&mut ContainerSpec, &mut Disks)) -> Pod {
        let mut disks = Disks::default();
        disks.all.insert("root".into(), Disk::over_image("example/tools"));
        let mut sandbox = Sandbox::new("uid", "vm", 42, NOW);
        let proc = Mount { what: Source::Proc, ..mount("/proc", "proc", 0) };
        let mut spec = ContainerSpec {
            name: "main".into(),
            image: "example/tools".into(),
            args: args.iter().map(|a| a.to_string()).collect(),
            env: BTreeMap::from([("PATH".to_string(), "/usr/sbin:/usr/bin:/sbin:/bin".to_string())]).into(),
            cwd: "/work".into(),
            mounts: vec![mount("/", "root", 0), proc],
            ..ContainerSpec::default()
        };
        change(&mut spec, &mut disks);
        sandbox.start_container(spec, &mut disks, NOW).unwrap();
        let pid = sandbox.containers["main"].first;
        Pod { sandbox, disks, pid }
    }

    fn new() -> Pod {
        Pod::with(&["sleep", "infinity"], |_, _| {})
    }

    /// Makes system calls as the container's first process.
    fn sys<T>(&mut self, calls: impl FnOnce(&mut Sys<'_>) -> T) -> T {
        calls(&mut Sys::new(&mut self.sandbox, &mut self.disks, &mut Nowhere, self.pid))
    }

    fn run(&mut self, seconds: i64) {
        let until = self.sandbox.now + Duration::secs(seconds);
        for _ in 0..100_000 {
            let ran = self.sandbox.run(&mut self.disks, &mut Nowhere, until);
            if !ran.ended && ran.next.is_none_or(|next| next > until) {
                return;
            }
        }
        panic!("does not come to rest");
    }

    fn exec(&mut self, args: &[&str]) -> (String, String, i32) {
        self.exec_with(args, "")
    }

    fn exec_with(&mut self, args: &[&str], stdin: &str) -> (String, String, i32) {
        let now = self.sandbox.now;
        let args = args.iter().map(|a| a.to_string()).collect();
        let (pid, session) = self.sandbox.exec("main", args, (true, false), &mut self.disks, now).unwrap();
        self.sandbox.type_into(session, stdin.as_bytes(), true);
        self.run(1000);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        for (stream, bytes) in self.sandbox.take_output(session) {
            if stream == 1 { out.extend(bytes) } else { err.extend(bytes) }
        }
        let code = self.sandbox.take_exit(pid, session).map_or(-1, |s| s.code());
        (String::from_utf8_lossy(&out).into(), String::from_utf8_lossy(&err).into(), code)
    }

    fn log(&self) -> String {
        let text: Vec<u8> = self.sandbox.logs["main"].fresh.iter().flat_map(|e| e.text.clone()).collect();
        String::from_utf8_lossy(&text).into_owned()
    }

    fn code(&self) -> Option<i32> {
        self.sandbox.containers["main"].ended.as_ref().map(|e| e.status.code())
    }
}

fn open_new(sys: &mut Sys<'_>, path: &str) -> u32 {
    sys.open(path, OpenOptions { read: true, ..OpenOptions::WRITE }).unwrap()
}

#[test]
fn permissions_hold() {
    let mut pod = Pod::new();
    pod.sys(|sys| {
        sys.mkdir("/work/d", 0o755).unwrap();
        sys.write_file("/work/d/secret", b"x").unwrap();
        sys.chmod("/work/d/secret", 0o600).unwrap();
        sys.mkdir("/work/shared", 0o777).unwrap();
        sys.chmod("/work/shared", 0o1777).unwrap();
        sys.write_file("/work/shared/mine", b"x").unwrap();
        sys.write_file("/work/shared/group", b"x").unwrap();
        sys.chown("/work/shared/group", None, Some(77), true).unwrap();
        sys.chmod("/work/shared/group", 0o660).unwrap();
        let process = sys.process_mut();
        (process.uid, process.gid, process.groups) = (1000, 1000, vec![77].into());
        assert_eq!(sys.read_file("/work/d/secret").err(), Some(Errno::Access));
        assert_eq!(sys.write_file("/work/d/new", b"x").err(), Some(Errno::Access));
        assert_eq!(sys.unlink("/work/d/secret").err(), Some(Errno::Access));
        assert_eq!(sys.unlink("/work/shared/mine").err(), Some(Errno::Perm), "the sticky bit");
        assert!(sys.write_file("/work/shared/group", b"y").is_ok(), "by a supplementary group");
        assert_eq!(sys.chmod("/work/shared/mine", 0o777).err(), Some(Errno::Perm));
        assert!(sys.write_file("/work/shared/own", b"z").is_ok());
        assert!(sys.chown("/work/shared/own", None, Some(77), true).is_ok(), "to a group that he is in");
        assert_eq!(sys.chown("/work/shared/own", None, Some(78), true).err(), Some(Errno::Perm));
        assert_eq!(sys.chown("/work/shared/own", Some(0), None, true).err(), Some(Errno::Perm));
        sys.mkdir("/work/shared/closed", 0o700).unwrap();
        sys.write_file("/work/shared/closed/f", b"").unwrap();
        sys.chmod("/work/shared/closed", 0).unwrap();
        assert_eq!(sys.stat("/work/shared/closed/f").err(), Some(Errno::Access));
        assert_eq!(sys.read_dir("/work/shared/closed").err(), Some(Errno::Access));
    });
}

#[test]
fn unlinked_files_live_while_open() {
    let mut pod = Pod::new();
    pod.sys(|sys| {
        let fd = open_new(sys, "f");
        sys.write(fd, b"hello").unwrap();
        sys.unlink("f").unwrap();
        assert_eq!(sys.stat("f").err(), Some(Errno::NoEnt));
        sys.write_file("f", b"another").unwrap();
        sys.seek(fd, Seek::Start(0)).unwrap();
        assert_eq!(sys.read(fd, 100), Ok(Input::Bytes(b"hello".to_vec())));
        sys.close(fd).unwrap();
        assert_eq!(&*sys.read_file("f").unwrap(), b"another");
    });
    let used = pod.disks.all["root"].used();
    pod.sys(|sys| {
        let fd = open_new(sys, "g");
        sys.write(fd, &[1; 10_000]).unwrap();
        sys.unlink("g").unwrap();
        sys.close(fd).unwrap();
    });
    assert_eq!(pod.disks.all["root"].used(), used, "its room is free again");
}

#[test]
fn renames_keep_the_rules() {
    let mut pod = Pod::new();
    pod.sys(|sys| {
        sys.mkdir("a", 0o755).unwrap();
        sys.mkdir("a/b", 0o755).unwrap();
        sys.write_file("f", b"1").unwrap();
        sys.write_file("g", b"2").unwrap();
        assert_eq!(sys.rename("a", "a/b/c").err(), Some(Errno::Invalid));
        assert_eq!(sys.rename("f", "a").err(), Some(Errno::IsDir));
        assert_eq!(sys.rename("a", "f").err(), Some(Errno::NotDir));
        assert_eq!(sys.rename("nope", "x").err(), Some(Errno::NoEnt));
        sys.mkdir("full", 0o755).unwrap();
        sys.write_file("full/x", b"").unwrap();
        assert_eq!(sys.rename("a", "full").err(), Some(Errno::NotEmpty));
        sys.mkdir("empty", 0o755).unwrap();
        sys.rename("a", "empty").unwrap();
        assert_eq!(sys.stat("empty").unwrap().links, 3);
        sys.rename("f", "g").unwrap();
        assert_eq!(&*sys.read_file("g").unwrap(), b"1");
        sys.link("g", "h").unwrap();
        sys.rename("g", "h").unwrap();
        assert!(sys.stat("g").is_ok(), "two names of one file: nothing happens");
        assert_eq!(sys.rename("/proc", "x").err(), Some(Errno::Busy));
        assert_eq!(sys.rename(".", "x").err(), Some(Errno::Busy));
        assert_eq!(sys.rmdir(".").err(), Some(Errno::Invalid));
        assert_eq!(sys.rmdir("empty").err(), Some(Errno::NotEmpty));
        assert_eq!(sys.unlink("empty").err(), Some(Errno::IsDir));
        assert_eq!(sys.rmdir("h").err(), Some(Errno::NotDir));
        assert_eq!(sys.link("empty", "x").err(), Some(Errno::Perm));
    });
}

#[test]
fn links_count_and_times_move() {
    let mut pod = Pod::new();
    pod.sys(|sys| {
        sys.mkdir("d", 0o755).unwrap();
        assert_eq!(sys.stat("d").unwrap().links, 2);
        sys.mkdir("d/e", 0o755).unwrap();
        assert_eq!(sys.stat("d").unwrap().links, 3);
        sys.set_modified("d", Time(0)).unwrap();
        sys.write_file("d/f", b"").unwrap();
        assert_eq!(sys.stat("d").unwrap().modified, NOW, "a new name changes its folder");
        sys.set_modified("d", Time(0)).unwrap();
        sys.write_file("d/f", b"more").unwrap();
        assert_eq!(sys.stat("d").unwrap().modified, Time(0), "new contents do not");
        sys.unlink("d/f").unwrap();
        assert_eq!(sys.stat("d").unwrap().modified, NOW);
        sys.rmdir("d/e").unwrap();
        assert_eq!(sys.stat("d").unwrap().links, 2);
    });
}

#[test]
fn disks_are_full_when_they_are() {
    let mut pod = Pod::with(&["sleep", "infinity"], |spec, disks| {
        disks.all.insert("small".into(), Disk::new(0o777, Some(40_960), NOW));
        spec.mounts.push(mount("/small", "small", 0));
    });
    pod.sys(|sys| {
        let fd = open_new(sys, "/small/f");
        assert_eq!(sys.write(fd, &[1; 30_000]), Ok(()));
        assert_eq!(sys.write(fd, &[1; 30_000]), Err(Errno::NoSpace));
        let size = sys.fstat(fd).unwrap().size;
        assert!((32_768..=40_960).contains(&size) && size % 4096 == 0, "as much as fits was written: {size}");
        assert_eq!(sys.write(fd, b"x"), Err(Errno::NoSpace));
        assert_eq!(sys.mkdir("/small/d", 0o755).err(), Some(Errno::NoSpace));
        sys.ftruncate(fd, 100).unwrap();
        assert_eq!(sys.mkdir("/small/d", 0o755), Ok(()));
        sys.ftruncate(fd, 1 << 40).unwrap();
        assert_eq!(sys.fstat(fd).unwrap().usage, 4096, "a hole takes nothing");
        assert_eq!(sys.fallocate(fd, 1 << 30).err(), Some(Errno::NoSpace));
        assert_eq!(sys.ftruncate(fd, 1 << 50).err(), Some(Errno::FileTooBig));
    });
    let (_, err, code) = pod.exec(&["dd", "if=/dev/zero", "of=/small/g", "bs=4k", "count=100", "status=noxfer"]);
    assert!(err.starts_with("dd: error writing '/small/g': No space left on device\n"), "{err}");
    assert_eq!(code, 1);
    let (out, _, _) = pod.exec(&["df", "-k", "/small"]);
    assert!(out.ends_with("100% /small\n"), "{out}");
    pod.sys(|sys| sys.close(3).unwrap());
    let (out, _, _) = pod.exec(&["rm", "-rf", "/small/f", "/small/g", "/small/d"]);
    assert_eq!((out.as_str(), pod.disks.all["small"].used()), ("", 0));
}

#[test]
fn much_takes_little() {
    let mut pod = Pod::new();
    let (_, err, code) = pod.exec(&["dd", "if=/dev/zero", "of=f", "bs=1M", "count=2000", "status=none"]);
    assert_eq!((err.as_str(), code), ("", 0));
    assert_eq!(pod.exec(&["du", "-k", "f"]).0, "2048000\tf\n");
    assert!(postcard::to_stdvec(&pod.disks.all["root"]).unwrap().len() < 1 << 20);
    assert_eq!(pod.exec(&["fallocate", "-l", "10G", "g"]).2, 0);
    assert_eq!(pod.exec(&["truncate", "-s", "1T", "h"]).2, 0);
    assert_eq!(pod.exec(&["stat", "-c", "%s %b", "g", "h"]).0, "10737418240 20971520\n1099511627776 0\n");
    assert_eq!(pod.exec(&["fallocate", "-l", "900G", "i"]).1, "");
}

#[test]
fn mounts_lie_in_each_other() {
    let mut pod = Pod::with(&["sleep", "infinity"], |spec, disks| {
        let mut a = Disk::new(0o755, None, NOW);
        a.put("sub/deep/file", Inode::new(Node::File("deep".into()), 0o644, (0, 0), NOW)).unwrap();
        let config = a.put("config", Inode::new(Node::File("one file".into()), 0o644, (0, 0), NOW)).unwrap();
        let sub = a.find("sub").unwrap();
        disks.all.insert("a".into(), a);
        disks.all.insert("b".into(), Disk::new(0o755, None, NOW));
        spec.mounts.push(mount("/data", "a", 0));
        spec.mounts.push(mount("/data/inner", "b", 0));
        spec.mounts.push(mount("/etc/app/config.ini", "a", config));
        spec.mounts.push(Mount { read_only: true, ..mount("/ro", "a", sub) });
    });
    pod.sys(|sys| {
        sys.write_file("/data/inner/x", b"b").unwrap();
        assert_eq!(&*sys.read_file("/etc/app/config.ini").unwrap(), b"one file");
        assert_eq!(&*sys.read_file("/ro/deep/file").unwrap(), b"deep");
        for refused in [
            sys.write_file("/ro/deep/file", b"").err(),
            sys.mkdir("/ro/x", 0o755).err(),
            sys.unlink("/ro/deep/file").err(),
            sys.chmod("/ro/deep", 0).err(),
            sys.set_modified("/ro/deep", NOW).err(),
            sys.rename("/ro/deep", "/ro/other").err(),
        ] {
            assert_eq!(refused, Some(Errno::ReadOnly));
        }
        assert_eq!(sys.mkdir("/ro/deep", 0o755).err(), Some(Errno::Exist));
        assert_eq!(sys.unlink("/etc/app/config.ini").err(), Some(Errno::Busy));
        assert_eq!(sys.rmdir("/data/inner").err(), Some(Errno::Busy));
        assert_eq!(sys.rename("/data/inner/x", "/data/x").err(), Some(Errno::CrossDevice));
        assert_eq!(sys.link("/data/inner/x", "/data/x").err(), Some(Errno::CrossDevice));
        assert_eq!(sys.canonical("/data/inner/../sub/./deep/../..").unwrap(), "/data");
        assert_eq!(sys.mount_of("/data/inner/x").unwrap().at, "/data/inner");
    });
    assert_eq!(pod.exec(&["mv", "/data/inner/x", "/data/y"]), (String::new(), String::new(), 0));
    assert_eq!(pod.exec(&["ls", "/data", "/data/inner"]).0, "/data:\nconfig\ninner\nsub\ny\n\n/data/inner:\n");
}

#[test]
fn paths_lead_where_they_should() {
    let mut pod = Pod::new();
    pod.sys(|sys| {
        assert_eq!(sys.canonical("../../../../..").unwrap(), "/");
        assert_eq!(sys.canonical("/../../etc/../etc/passwd").unwrap(), "/etc/passwd");
        sys.symlink("loop", "loop").unwrap();
        assert_eq!(sys.stat("loop").err(), Some(Errno::Loop));
        assert!(sys.lstat("loop").is_ok());
        sys.symlink("../../../../etc", "out").unwrap();
        assert_eq!(sys.canonical("out/passwd").unwrap(), "/etc/passwd");
        sys.symlink("nowhere/x", "broken").unwrap();
        assert_eq!(sys.write_file("broken", b"").err(), Some(Errno::NoEnt));
        sys.symlink("made", "makes").unwrap();
        sys.write_file("makes", b"through").unwrap();
        assert_eq!(&*sys.read_file("made").unwrap(), b"through");
        sys.symlink("no-folder", "dangling").unwrap();
        assert_eq!(sys.mkdir("dangling", 0o755).err(), Some(Errno::Exist));
        assert_eq!(sys.stat("made/").err(), Some(Errno::NotDir));
        assert_eq!(sys.stat("made/x").err(), Some(Errno::NotDir));
        assert_eq!(sys.stat("").err(), Some(Errno::NoEnt));
        assert_eq!(sys.stat(&"x".repeat(300)).err(), Some(Errno::NameTooLong));
        assert_eq!(sys.stat(&"x/".repeat(3000)).err(), Some(Errno::NameTooLong));
        assert_eq!(sys.stat("/proc/self/root/etc/passwd").unwrap().kind, Kind::File);
        assert_eq!(sys.canonical("/proc/self/cwd").unwrap(), "/work");
        assert_eq!(sys.stat("/proc/1/nope").err(), Some(Errno::NoEnt));
    });
}

#[test]
fn pipes_fill_and_break() {
    let mut pod = Pod::new();
    pod.sys(|sys| {
        let (out, inn) = sys.pipe();
        assert_eq!(sys.read(out, 10), Ok(Input::Wait));
        sys.write(inn, &[7; 100_000]).unwrap();
        let mut got = 0;
        while let Ok(Input::Bytes(bytes)) = sys.read(out, 1 << 20) {
            got += bytes.len();
        }
        assert_eq!(got, 65_536, "what is beyond waits");
    });
    pod.run(1);
    pod.sys(|sys| {
        assert_eq!(sys.read(3, 1 << 20).map(|i| matches!(i, Input::Bytes(b) if b.len() == 34_464)), Ok(true));
        sys.close(3).unwrap();
        assert_eq!(sys.write(4, b"x").err(), Some(Errno::Pipe), "the first process is shielded from SIGPIPE");
        let (out, inn) = sys.pipe();
        sys.close(inn).unwrap();
        assert_eq!(sys.read(out, 10), Ok(Input::End));
        assert_eq!(sys.seek(out, Seek::Start(0)).err(), Some(Errno::Seek));
        assert_eq!(sys.write(out, b"x").err(), Some(Errno::BadFd));
    });
}

#[test]
fn a_writer_without_readers_ends() {
    let mut pod = Pod::new();
    // cat writes into a pipe that nobody reads.
    let child = pod.sys(|sys| {
        let (out, inn) = sys.pipe();
        let child = sys.fork(Program::Command(vec!["cat".into(), "/dev/zero".into()])).unwrap();
        sys.child_dup2(child, inn, 1).unwrap();
        for fd in [out, inn] {
            sys.child_close(child, fd).unwrap();
            sys.close(fd).unwrap();
        }
        child
    });
    pod.run(1);
    let ended = pod.sys(|sys| sys.wait_child(Some(child)));
    assert_eq!(ended, Ok(Some((child, Status::Killed(Signal::PIPE)))));
    assert_eq!(pod.sys(|sys| sys.wait_child(None)), Err(Errno::Child));
}

#[test]
fn whoever_is_stuck_does_not_spin() {
    let mut pod = Pod::new();
    // A pipe that stays full: its writer waits for ever, and time goes on.
    pod.sys(|sys| {
        let (_, inn) = sys.pipe();
        let child = sys.fork(Program::Command(vec!["cat".into(), "/dev/zero".into()])).unwrap();
        sys.child_dup2(child, inn, 1).unwrap();
    });
    pod.run(3600);
    assert!(pod.sandbox.now <= NOW + Duration::secs(3600));
}

#[test]
fn the_first_process_is_shielded() {
    let mut pod = Pod::new();
    for signal in ["TERM", "KILL", "INT"] {
        pod.exec(&["kill", "-s", signal, "1"]);
        assert!(pod.sandbox.is_running("main"));
    }
    let now = pod.sandbox.now;
    pod.sandbox.signal_container("main", Signal::TERM, &mut pod.disks, now);
    assert!(pod.sandbox.is_running("main"), "sleep does not catch it");
    pod.sandbox.signal_container("main", Signal::KILL, &mut pod.disks, now);
    assert_eq!(pod.code(), Some(137));
    assert!(pod.sandbox.processes.is_empty());
    assert!(pod.sandbox.exec("main", vec!["ls".into()], (false, false), &mut pod.disks, now).is_err());
}

#[test]
fn whoever_kills_himself_is_gone() {
    let mut pod = Pod::new();
    // The process of a session has no parent that would keep its entry in the table.
    let (out, _, code) = pod.exec(&["timeout", "-s", "KILL", "0.1", "sleep", "9"]);
    assert_eq!((out.as_str(), code), ("", 137));
    assert_eq!(pod.exec(&["killall", "-9", "killall"]).2, 1);
    assert_eq!(pod.exec_with(&["xargs", "kill", "-9"], "-1").2, 137);
    assert!(pod.sandbox.is_running("main"));
    assert_eq!(pod.sandbox.processes.len(), 1);
}

#[test]
fn orphans_and_zombies() {
    let mut pod = Pod::new();
    let child = pod.sys(|sys| sys.fork(Program::Command(vec!["sleep".into(), "1".into()])).unwrap());
    let args = ["timeout", "9", "sleep", "5"].map(String::from).to_vec();
    let middle = pod.sys(|sys| sys.fork(Program::Command(args)).unwrap());
    pod.sandbox.run(&mut pod.disks, &mut Nowhere, NOW + Duration::secs(2));
    let (out, _, _) = {
        let now = pod.sandbox.now;
        let (pid, session) = pod
            .sandbox
            .exec(
                "main",
                ["ps", "-eo", "pid,ppid,stat,args"].map(String::from).to_vec(),
                (false, false),
                &mut pod.disks,
                now,
            )
            .unwrap();
        pod.sandbox.run(&mut pod.disks, &mut Nowhere, now + Duration::millis(10));
        let out: Vec<u8> = pod.sandbox.take_output(session).into_iter().flat_map(|o| o.1).collect();
        (String::from_utf8(out).unwrap(), pid, session)
    };
    assert!(out.contains("Z    [sleep] <defunct>"), "{out}");
    pod.sys(|sys| sys.kill(i64::from(middle), Some(Signal::KILL)).unwrap());
    assert_eq!(pod.sys(|sys| sys.wait_child(Some(middle))), Ok(Some((middle, Status::Killed(Signal::KILL)))));
    let orphan = pod.sandbox.processes.values().find(|p| p.args == ["sleep", "5"]).unwrap();
    assert_eq!(orphan.parent, 0);
    assert_eq!(pod.sys(|sys| sys.wait_child(None)), Ok(Some((child, Status::Code(0)))));
    pod.run(10);
    assert_eq!(pod.sandbox.processes.len(), 1, "orphans are taken off when they end");
}

#[test]
fn processes_are_bounded() {
    let mut pod = Pod::new();
    let fault = pod.sys(|sys| {
        loop {
            if let Err(fault) = sys.fork(Program::Command(vec!["sleep".into(), "infinity".into()])) {
                return fault;
            }
        }
    });
    assert_eq!(fault, Errno::Again);
    pod.run(10);
    assert!(pod.sandbox.processes.len() <= 1024);
}

#[test]
fn endless_output_is_bounded() {
    let mut pod = Pod::with(&["cat", "/dev/zero"], |_, _| {});
    pod.run(100);
    let log = &pod.sandbox.logs["main"];
    assert!(log.fresh.iter().map(|e| e.text.len()).sum::<usize>() < 256 << 20);
    let now = pod.sandbox.now;
    let (_, session) =
        pod.sandbox.exec("main", vec!["cat".into(), "/dev/zero".into()], (false, false), &mut pod.disks, now).unwrap();
    pod.sandbox.run(&mut pod.disks, &mut Nowhere, now + Duration::secs(100));
    assert!(pod.sandbox.sessions[&session].unfetched() < 64 << 20);
}

#[test]
fn memory_runs_out() {
    let limit = |spec: &mut ContainerSpec, _: &mut Disks| spec.memory_limit = Some(100 << 20);
    let mut pod = Pod::with(&["stress", "--vm", "1", "--vm-bytes", "250M"], limit);
    pod.run(10);
    let ended = pod.sandbox.containers["main"].ended.clone().unwrap();
    // The kubelet has the whole group killed (`memory.oom.group`): its first process tells nothing of it.
    assert_eq!((ended.status.code(), ended.oom), (137, true), "{}", pod.log());
    assert!(!pod.log().contains("got signal 9"), "{}", pod.log());
    let mut pod = Pod::with(&["dd", "if=/dev/zero", "of=/dev/null", "bs=1G"], limit);
    pod.run(10);
    let ended = pod.sandbox.containers["main"].ended.clone().unwrap();
    assert_eq!((ended.status.code(), ended.oom), (137, true));
}

#[test]
fn named_pipes_wait_for_the_other_end() {
    let mut pod = Pod::new();
    pod.sys(|sys| {
        sys.mkfifo("p", 0o666).unwrap();
        let reader = sys.open("p", OpenOptions::READ).unwrap();
        assert_eq!(sys.read(reader, 10), Ok(Input::Wait), "nobody has opened the other end");
        let writer = sys.open("p", OpenOptions { create: false, truncate: false, ..OpenOptions::WRITE }).unwrap();
        sys.write(writer, b"hi").unwrap();
        sys.close(writer).unwrap();
        assert_eq!(sys.read(reader, 10), Ok(Input::Bytes(b"hi".to_vec())));
        assert_eq!(sys.read(reader, 10), Ok(Input::End));
        sys.close(reader).unwrap();
    });
    // A writer that comes first keeps what it writes.
    let child = pod.sys(|sys| {
        let writer = sys.open("p", OpenOptions { create: false, truncate: false, ..OpenOptions::WRITE }).unwrap();
        let child = sys.fork(Program::Command(vec!["echo".into(), "first".into()])).unwrap();
        sys.child_dup2(child, writer, 1).unwrap();
        sys.child_close(child, writer).unwrap();
        sys.close(writer).unwrap();
        child
    });
    pod.run(1);
    assert_eq!(pod.sys(|sys| sys.wait_child(Some(child))), Ok(None), "it waits for a reader");
    assert_eq!(pod.exec(&["cat", "p"]).0, "first\n");
    assert_eq!(pod.sys(|sys| sys.wait_child(Some(child))), Ok(Some((child, Status::Code(0)))));
}

#[test]
fn open_files_have_paths_in_proc() {
    let mut pod = Pod::with(&["sleep", "infinity"], |_, _| {});
    assert_eq!(pod.exec_with(&["cat", "/dev/stdin"], "typed").0, "typed");
    assert_eq!(pod.exec_with(&["cp", "/etc/passwd", "/dev/stderr"], "").1, pod.exec(&["cat", "/etc/passwd"]).0);
    assert_eq!(pod.exec(&["readlink", "/proc/self/cwd"]).0, "/work\n");
    assert!(pod.exec(&["readlink", "/proc/self/fd/1"]).0.starts_with("pipe:["));
    assert_eq!(pod.exec(&["cat", "/proc/1/cmdline"]).0, "sleep\0infinity\0");
    assert_eq!(pod.exec(&["cat", "/proc/self/cgroup"]).0, "0::/\n");
    assert!(pod.exec(&["cat", "/proc/mounts"]).0.starts_with("root / ext4 rw,relatime 0 0\n"));
    assert!(pod.exec(&["cat", "/proc/self/mountinfo"]).0.contains(" - ext4 root rw"));
    assert!(pod.exec(&["cat", "/proc/meminfo", "/proc/loadavg", "/proc/net/tcp"]).1.is_empty());
}

#[test]
fn ten_thousand_files() {
    let mut pod = Pod::new();
    pod.sys(|sys| {
        for n in 0..10_000 {
            sys.write_file(&format!("f{n}"), b"x").unwrap();
        }
    });
    assert_eq!(pod.exec(&["ls"]).0.lines().count(), 10_000);
    assert_eq!(pod.exec(&["find", ".", "-type", "f", "-delete"]).2, 0);
    assert_eq!(pod.exec(&["ls", "-A"]).0, "");
}

#[test]
fn five_thousand_levels() {
    let mut disk = Disk::new(0o755, None, NOW);
    let mut dir = ROOT;
    for _ in 0..5_000 {
        dir = disk.create(dir, "d", Inode::new(Node::Dir(BTreeMap::new()), 0o755, (0, 0), NOW)).unwrap();
    }
    assert_eq!(disk.rename((ROOT, "d"), (dir, "x"), NOW), Err(Errno::Invalid));
    disk.clear(ROOT, NOW).unwrap();
    assert_eq!((disk.used(), disk.count()), (0, 1));
    // By a process, as deep as its paths go.
    let mut pod = Pod::new();
    pod.sys(|sys| {
        for _ in 0..600 {
            sys.mkdir("d", 0o755).unwrap();
            sys.chdir("d").unwrap();
        }
        assert_eq!(sys.stat("..").unwrap().kind, Kind::Dir);
    });
    let (_, err, code) = pod.exec(&["rm", "-r", "d"]);
    assert_eq!((err.as_str(), code), ("", 0));
}

/// What a run comes to, put away and taken up again every `cut` milliseconds.
fn run_with_cuts(args: &[&str], cut: Option<i64>) -> (String, Option<i32>, Time) {
    let mut pod = Pod::with(args, |_, disks| {
        let root = disks.all.get_mut("root").unwrap();
        for n in 0..50 {
            let inode = Inode::new(Node::File(format!("file {n}\n").repeat(n).into()), 0o644, (0, 0), NOW);
            root.put(&format!("/work/d{}/f{n}", n % 5), inode).unwrap();
        }
    });
    let end = NOW + Duration::secs(60);
    let mut to = NOW;
    while to < end && pod.sandbox.is_running("main") {
        to = to + Duration::millis(cut.unwrap_or(60_000));
        pod.sandbox.run(&mut pod.disks, &mut Nowhere, to);
        if cut.is_some() {
            let bytes = postcard::to_stdvec(&pod.sandbox).unwrap();
            pod.sandbox = postcard::from_bytes(&bytes).unwrap();
            let bytes = postcard::to_stdvec(&pod.disks.all["root"]).unwrap();
            let mut root: Disk = postcard::from_bytes(&bytes).unwrap();
            root.restore();
            pod.disks.all.insert("root".into(), root);
        }
    }
    (pod.log(), pod.code(), pod.sandbox.now)
}

#[test]
fn whatever_runs_can_be_put_away() {
    for args in [
        &["find", ".", "-type", "f", "-exec", "cat", "{}", ";"][..],
        &["find", ".", "-name", "f1*", "-exec", "ls", "-l", "{}", "+"],
        &["timeout", "2", "sleep", "10"],
        &["timeout", "5", "env", "-i", "/bin/sleep", "1.5"],
        &["xargs", "-a", "/etc/passwd", "-n1", "echo"],
        &["cp", "-rv", "/work", "/copy"],
        &["dd", "if=/dev/urandom", "of=x", "bs=1k", "count=300", "status=noxfer"],
        &["time", "-p", "sleep", "3"],
        &["watch", "-n", "7", "nope"],
        &["stress", "--cpu", "2", "--timeout", "1"],
        &["tini", "--", "sleep", "4"],
        &["mktemp", "-d"],
    ] {
        let whole = run_with_cuts(args, None);
        assert_eq!(whole, run_with_cuts(args, None), "the same twice: {args:?}");
        for cut in [1, 7, 1_000] {
            let cuts = run_with_cuts(args, Some(cut));
            assert_eq!((&whole.0, whole.1), (&cuts.0, cuts.1), "{args:?} in pieces of {cut} ms");
        }
    }
}

#[test]
fn locks_exclude() {
    let mut pod = Pod::new();
    pod.sys(|sys| {
        let one = open_new(sys, "lock");
        let two = sys.open("lock", OpenOptions::READ).unwrap();
        sys.lock(one, true).unwrap();
        assert_eq!(sys.lock(two, false).err(), Some(Errno::Again));
        sys.lock(one, false).unwrap();
        sys.lock(two, false).unwrap();
        assert_eq!(sys.lock(one, true).err(), Some(Errno::Again));
        sys.close(two).unwrap();
        sys.lock(one, true).unwrap();
    });
    assert_eq!(pod.exec(&["flock", "-n", "lock", "echo", "in"]).2, 1);
    assert_eq!(pod.exec(&["flock", "-w", "1", "lock", "echo", "in"]).2, 1);
    pod.sys(|sys| sys.unlock(3).unwrap());
    assert_eq!(pod.exec(&["flock", "-n", "lock", "echo", "in"]).0, "in\n");
    let _ = Wait::signal();
}

#[test]
fn mounts_have_their_folders() {
    let mut pod = Pod::with(&["sleep", "infinity"], |spec, disks| {
        disks.all.insert("v".into(), Disk::new(0o755, None, NOW));
        spec.mounts.push(mount("/new/deep/place", "v", 0));
        spec.cwd = "/made/for/it".into();
    });
    assert_eq!(pod.exec(&["ls", "/new/deep"]).0, "place\n");
    assert_eq!(pod.exec(&["pwd"]).0, "/made/for/it\n");
}

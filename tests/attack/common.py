"""Shared by the attacks. KSTATE names the binary; run them from the checkout (or set PROJECT)."""
import os, shutil, signal, sqlite3, subprocess, sys, tempfile, time, hashlib, random, threading, resource

BIN = os.environ["KSTATE"]
PROJECT = os.environ.get("PROJECT", os.getcwd())                                # the checkout: manifests/, lessons/
CORPUS = os.environ.get("CORPUS", "/nowhere")   # a folder of manifests to begin with, beside those of the project
FINDINGS = os.path.join(tempfile.gettempdir(), "attack-findings")
ROOT = tempfile.mkdtemp(prefix="attack-")
os.makedirs(ROOT + "/bin")
shutil.copy2(BIN, ROOT + "/bin/kstate")            # the binary under test does not change meanwhile
os.symlink("kstate", ROOT + "/bin/kubectl")
KS, KC = ROOT + "/bin/kstate", ROOT + "/bin/kubectl"


def clean():
    subprocess.run(["umount", "-q", ROOT + "/mnt"], stderr=subprocess.DEVNULL)
    shutil.rmtree(ROOT, ignore_errors=True)


import atexit
atexit.register(clean)


def env(home, **more):
    e = {"PATH": ROOT + "/bin:/usr/bin:/bin", "HOME": ROOT, "TMPDIR": ROOT, "LANG": "C.UTF-8", "TERM": "dumb"}
    if home is not None:
        e["KSTATE_HOME"] = home
    e.update(more)
    return e


class R:
    def __init__(s, rc, out, err, secs, hung, rss=0):
        s.rc, s.out, s.err, s.secs, s.hung, s.rss = rc, out, err, secs, hung, rss

    def __repr__(s):
        return f"rc={s.rc} {s.secs:.2f}s{' HUNG' if s.hung else ''} rss={s.rss >> 10}M\n  out: {s.out[:600]!r}\n  err: {s.err[:900]!r}"


def limits(mem_mb=None, fsize=None):
    def f():
        if mem_mb:
            resource.setrlimit(resource.RLIMIT_AS, (mem_mb << 20, mem_mb << 20))
        if fsize is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (fsize, fsize))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return f


def run(words, home, stdin=b"", timeout=30, cwd=None, mem_mb=None, fsize=None, envs=None, maxout=4 << 20):
    """Runs one command line; peak memory comes from wait4."""
    t = time.time()
    of, ef = tempfile.TemporaryFile(dir=ROOT), tempfile.TemporaryFile(dir=ROOT)
    inf = tempfile.TemporaryFile(dir=ROOT)
    inf.write(stdin); inf.seek(0)
    p = subprocess.Popen(words, env=env(home, **(envs or {})), stdin=inf, stdout=of, stderr=ef, cwd=cwd or ROOT,
                         preexec_fn=limits(mem_mb, fsize))
    hung = False
    def kill():
        nonlocal hung
        hung = True
        p.kill()
    timer = threading.Timer(timeout, kill)
    timer.start()
    _, status, ru = os.wait4(p.pid, 0)
    timer.cancel()
    p.returncode = os.waitstatus_to_exitcode(status)
    secs = time.time() - t
    of.seek(0); ef.seek(0)
    return R(p.returncode, of.read(maxout), ef.read(maxout), secs, hung, ru.ru_maxrss)


def db(home, name="k3d-deadless"):
    return f"{home}/clusters/{name}.db"


def integrity(path):
    c = sqlite3.connect(path, timeout=20)
    try:
        return c.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as e:
        return str(e)
    finally:
        c.close()


TABLES = {
    "revision": "SELECT * FROM revision ORDER BY rev", "current": "SELECT * FROM current ORDER BY 1,2,3",
    "setting": "SELECT * FROM setting WHERE name<>'undone-at' ORDER BY 1", "sequence": "SELECT * FROM sequence ORDER BY 1",
    "timer": "SELECT * FROM timer ORDER BY 1,2,3,4", "operation": "SELECT id, rev FROM operation ORDER BY 1",
    "journal": "SELECT * FROM journal ORDER BY 1,2,3",
}


def fingerprint(path, detail=False):
    c = sqlite3.connect(path, timeout=20)
    try:
        c.execute("BEGIN")
        if not c.execute("SELECT 1 FROM sqlite_master WHERE name='journal'").fetchone():
            return "no tables"
        parts = {t: hashlib.sha1(repr(c.execute(q).fetchall()).encode()).hexdigest() for t, q in TABLES.items()}
    except sqlite3.DatabaseError as e:
        return "unreadable: " + str(e)
    finally:
        c.close()
    return parts if detail else hashlib.sha1(repr(parts).encode()).hexdigest()


def copy_cluster(src, dst):
    """A consistent copy through SQLite, WAL included."""
    for s in ("", "-wal", "-shm"):
        if os.path.exists(dst + s):
            os.remove(dst + s)
    a, b = sqlite3.connect(src), sqlite3.connect(dst)
    a.backup(b)
    a.close(); b.close()


def consistent(path):
    """What must hold in every state file: `current` is the newest revision of each key, uids are unique."""
    import json
    c = sqlite3.connect(path, timeout=20)
    bad = []
    try:
        if not c.execute("SELECT 1 FROM sqlite_master WHERE name='revision'").fetchone():
            return [f"no tables in the state file ({os.path.getsize(path)} bytes)"]
        newest = {}
        for rev, k, ns, n, gone in c.execute("SELECT rev,kind,namespace,name,object IS NULL FROM revision ORDER BY rev"):
            newest[(k, ns, n)] = (rev, gone)
        want = {k: r for k, (r, g) in newest.items() if not g}
        have = {(k, ns, n): r for k, ns, n, r in c.execute("SELECT kind,namespace,name,rev FROM current")}
        if want != have:
            bad.append(f"current differs from the log: {len(want)} vs {len(have)}")
        uids = {}
        for k, ns, n, r, o in c.execute("SELECT c.kind,c.namespace,c.name,c.rev,r.object FROM current c JOIN revision r ON r.rev=c.rev"):
            m = json.loads(o)["metadata"]
            if m.get("resourceVersion") != str(r):
                bad.append(f"{k}/{n}: resourceVersion {m.get('resourceVersion')} is not revision {r}")
            u = m.get("uid")
            if u in uids:
                bad.append(f"uid {u} twice: {uids[u]} {k}/{n}")
            uids[u] = f"{k}/{n}"
    except sqlite3.DatabaseError as e:
        bad.append(str(e))
    finally:
        c.close()
    return bad

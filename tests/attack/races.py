#!/usr/bin/env python3
"""2b. Races that need an exact moment, made by strace's delays and kills."""
import re
from common import *
OLD = re.compile(rb"configmap/o\d")
bad = []


def line(r): return (r.err or r.out).decode(errors="replace").strip().split("\n")[0][:240].replace(ROOT, "R")


print("A. delete pauses after its rename; meanwhile the cluster is made anew, watched and written")
h = ROOT + "/a"
run([KS, "get", "nodes"], h); run([KS, "cluster", "create", "x"], h); run([KS, "create", "cm", "old", "--cluster", "x"], h)
d = subprocess.Popen(["strace", "-qq", "-o", ROOT + "/tr", "-e", "trace=unlink", "-e", "inject=unlink:delay_enter=2500000:when=1", KS, "cluster", "delete", "x"], env=env(h), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
time.sleep(.6)
r = run([KS, "cluster", "create", "x"], h); print("   create:", r.rc, line(r))
w = subprocess.Popen([KS, "get", "cm", "-w", "--cluster", "x"], env=env(h), stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT); time.sleep(.3)
acked = []
for i in range(3):
    r = run([KS, "create", "cm", f"new{i}", "--cluster", "x"], h)
    if r.rc == 0: acked.append(f"new{i}")
print("   acknowledged:", acked, "| delete says:", d.communicate()[0].decode().strip(), "| files:", sorted(os.listdir(h + "/clusters")))
for i in range(2):
    r = run([KS, "get", "cm", "-o", "name", "--cluster", "x"], h); have = r.out.decode().split(); print("   get:", r.rc, have or line(r))
r2 = run([KS, "create", "cm", "later", "--cluster", "x"], h); print("   create later:", r2.rc, line(r2))
w.kill(); w.wait()
r = run([KS, "get", "cm", "-o", "name", "--cluster", "x"], h); have = r.out.decode(); print("   get after the watcher ended:", r.rc, have.split() or line(r))
lost = [a for a in acked + (["later"] if r2.rc == 0 else []) if f"/{a}\n" not in have]
if lost: bad.append(f"A: acknowledged writes lost: {lost}")
ok = integrity(db(h, "x")) if os.path.exists(db(h, "x")) else "no file"
print("   integrity:", ok)
if ok != "ok": bad.append("A: integrity " + ok)

print("B. a WAL of a killed writer stands; delete is killed after its rename; the cluster is made anew")
for tries, seed in enumerate((1, 2)):
    h = f"{ROOT}/b{tries}"
    run([KS, "get", "nodes"], h); run([KS, "cluster", "create", "x"], h)
    open(ROOT + "/m.yaml", "w").write("".join(f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: o{i}}}\n" for i in range(60)))
    run(["strace", "-qq", "-o", ROOT + "/tr", "-e", "trace=write", "-e", "inject=write:signal=SIGKILL:when=1", KS, "create", "-f", ROOT + "/m.yaml", "--cluster", "x"], h)
    print("   after the killed create:", sorted(os.listdir(h + "/clusters")))
    run(["strace", "-qq", "-o", ROOT + "/tr", "-e", "trace=unlink", "-e", "inject=unlink:signal=SIGKILL:when=1", KS, "cluster", "delete", "x"], h)
    print("   after the killed delete:", sorted(os.listdir(h + "/clusters")))
    r = run([KS, "cluster", "create", "x", "--seed", str(seed), "--clock", "manual"], h); print("   create:", r.rc, line(r))
    r = run([KS, "get", "cm,nodes", "-o", "name", "--cluster", "x"], h); print("   get:", r.rc, line(r)[:100], f"{len(OLD.findall(r.out))} ConfigMaps of the deleted cluster")
    if r.rc or OLD.search(r.out): bad.append(f"B: a new cluster shows the deleted one's data, or fails: rc {r.rc} {line(r)}")
    ok, c = integrity(db(h, "x")), consistent(db(h, "x"))
    print("   integrity:", ok[:100], c[:2])
    if ok != "ok" or c: bad.append(f"B: {ok[:100]} {c[:2]}")

print("B2. the same, the deleted cluster being larger than the new one, and its last command small")
h = ROOT + "/b3"
run([KS, "get", "nodes"], h); run([KS, "cluster", "create", "x"], h)
open(ROOT + "/m.yaml", "w").write("".join(f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: o{i}}}\ndata: {{a: {'x' * 3000}}}\n" for i in range(200)))
run([KS, "create", "-f", ROOT + "/m.yaml", "--cluster", "x"], h)
run(["strace", "-qq", "-o", ROOT + "/tr", "-e", "trace=write", "-e", "inject=write:signal=SIGKILL:when=1", KS, "label", "cm", "o7", "a=b", "--cluster", "x"], h)
run(["strace", "-qq", "-o", ROOT + "/tr", "-e", "trace=unlink", "-e", "inject=unlink:signal=SIGKILL:when=1", KS, "cluster", "delete", "x"], h)
r = run([KS, "cluster", "create", "x"], h); print("   create:", r.rc, line(r))
r = run([KS, "get", "cm,nodes", "-o", "name", "--cluster", "x"], h); print("   get:", r.rc, line(r)[:160], f"{len(OLD.findall(r.out))} ConfigMaps of the deleted cluster")
ok = integrity(db(h, "x")); print("   integrity:", ok[:160])
if ok != "ok" or r.rc: bad.append(f"B2: the new cluster is damaged: {line(r)} / integrity {ok[:120]}")
r = run([KS, "cluster", "reset", "x"], h); print("   reset:", r.rc, line(r)[:160])

print("C. delete while somebody watches; the watcher and the next commands")
h = ROOT + "/c"
run([KS, "get", "nodes"], h); run([KS, "cluster", "create", "x"], h)
wf = open(ROOT + "/w.out", "w+b")
w = subprocess.Popen([KS, "get", "cm", "-w", "--cluster", "x"], env=env(h), stdout=wf, stderr=subprocess.STDOUT); time.sleep(.3)
run([KS, "create", "cm", "one", "--cluster", "x"], h)
r = run([KS, "cluster", "delete", "x"], h); print("   delete:", r.rc, line(r)); time.sleep(.5)
r = run([KS, "cluster", "create", "x"], h); print("   create:", r.rc, line(r))
r = run([KS, "create", "cm", "two", "--cluster", "x"], h); print("   create two:", r.rc, line(r)); time.sleep(.6)
print("   watcher alive:", w.poll() is None, "| saw two:", b"two" in open(ROOT + "/w.out", "rb").read(), "| its text:", open(ROOT + "/w.out").read()[-120:].replace("\n", " / "))
w.terminate(); w.wait(); time.sleep(.2)
r = run([KS, "get", "cm", "-o", "name", "--cluster", "x"], h); print("   get after the watcher ended:", r.rc, r.out.decode().split() or line(r))
if b"/two" not in r.out: bad.append("C: acknowledged `two` lost")
if integrity(db(h, "x")) != "ok": bad.append("C: integrity")

print("D. a file that a killed process of the same PID left (containers: PID 1 again and again)")
h = ROOT + "/d"
r = subprocess.run(["bash", "-c", f'mkdir -p {h}/clusters; cp {db(ROOT + "/a")} {h}/clusters/k3d-deadless.$$.new; exec {KS} get nodes'], env=env(h), capture_output=True)
print("   left whole, first try:", r.returncode, (r.stderr or r.stdout).decode().split("\n")[0][:160].replace(ROOT, "R"))
if r.returncode: bad.append("D: left-over .new of the same PID: " + r.stderr.decode()[:160].replace(ROOT, "R"))
r = run([KS, "get", "nodes"], h); print("   second try:", r.rc, line(r)[:80])
h = ROOT + "/d2"
r = subprocess.run(["bash", "-c", f'mkdir -p {h}/clusters; printf junkjunkjunk > {h}/clusters/k3d-deadless.$$.new; exec {KS} get nodes'], env=env(h), capture_output=True)
print("   left as junk, first try:", r.returncode, (r.stderr or r.stdout).decode().split("\n")[0][:160].replace(ROOT, "R"))
if r.returncode: bad.append("D: junk .new of the same PID: " + r.stderr.decode()[:160].replace(ROOT, "R"))

print("E. a home without hard links is raced by two first uses (link fails: rename)")
h = ROOT + "/e"
p = subprocess.Popen(["strace", "-qq", "-o", ROOT + "/tr", "-e", "trace=linkat,link,rename", "-e", "inject=link,linkat:error=EPERM", "-e", "inject=rename:delay_enter=1500000:when=1", KS, "create", "cm", "slow"], env=env(h), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
time.sleep(.6)
r = run([KS, "create", "cm", "fast"], h); print("   fast:", r.rc, line(r))
print("   slow:", p.communicate()[0].decode().strip())
r = run([KS, "get", "cm", "-o", "name"], h); print("   get:", r.out.decode().split() or line(r))
if b"/fast" not in r.out: bad.append("E: acknowledged `fast` lost on a file system without hard links")

print("F. undo in one process while another holds a transaction open by a pipe (-f -)")
h = ROOT + "/f"
run([KS, "create", "cm", "a"], h)
p = subprocess.Popen([KS, "create", "-f", "-"], env=env(h), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
time.sleep(.2)
t = time.time(); r = run([KS, "create", "cm", "b"], h, timeout=20); print(f"   another writer while one waits for its pipe: rc {r.rc} {time.time() - t:.2f}s")
if r.rc: bad.append("F: a writer that waits for its input blocks others")
p.communicate(b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n")

print("G. a watcher that nobody reads (a full pipe) and a slow reader")
h = ROOT + "/g"
run([KS, "create", "cm", "a", "--from-literal=x=" + "y" * 60000], h)
p = subprocess.Popen([KS, "get", "cm", "-w", "-o", "yaml"], env=env(h), stdout=subprocess.PIPE, stderr=subprocess.STDOUT); time.sleep(.3)
worst = 0
for i in range(8):
    r = run([KS, "label", "cm", "a", f"l=v{i}", "--overwrite"], h, timeout=20); worst = max(worst, r.secs)
    if r.rc: bad.append(f"G: {line(r)}"); break
print(f"   8 writers beside a blocked watcher: slowest {worst:.2f}s")
p.kill(); p.wait()
print("H. wall-clock delete that waits for a finalizer, killed by Ctrl-C, others go on")
h = ROOT + "/hh"
open(ROOT + "/fin.yaml", "w").write("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: f, finalizers: [a.b/c]}\n")
run([KS, "create", "-f", ROOT + "/fin.yaml"], h)
p = subprocess.Popen([KS, "delete", "cm", "f"], env=env(h), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
time.sleep(.5); t = time.time(); r = run([KS, "create", "cm", "b"], h, timeout=20); print(f"   writer beside a waiting delete: rc {r.rc} {time.time() - t:.2f}s; delete ended: {p.poll()}")
if p.poll() is None: p.send_signal(2)
print("   delete:", p.communicate()[0].decode()[:200].replace("\n", " / "))
p = subprocess.Popen([KS, "wait", "--for=delete", "cm/b", "--timeout=20s"], env=env(h), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
time.sleep(.2); t = time.time(); r = run([KS, "delete", "cm", "b"], h, timeout=20); print(f"   delete beside a wait for it: rc {r.rc} {time.time() - t:.2f}s; wait: {p.wait()} {p.stdout.read()[:120]!r}")
print("VIOLATIONS", len(bad))
for b in bad: print("  ", b)

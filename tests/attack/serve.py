#!/usr/bin/env python3
"""What others may send to `kstate serve`: strangers, halves of requests, floods, readers that do not read, tricks, kill -9."""
import base64, http.client, json, re, socket, ssl, struct
from common import *

BAD, FIGURES = [], []


def bad(what):
    BAD.append(what)
    print("  VIOLATION:", what[:400])


class Serve:
    """A served cluster on a wall clock."""
    def __init__(s, name):
        s.home = f"{ROOT}/{name}"
        run([KS, "cluster", "create", "w", "--clock", "wall"], s.home)
        s.start()

    def start(s):
        s.config = f"{s.home}/config"
        if os.path.exists(s.config):
            os.remove(s.config)
        s.log = open(f"{s.home}/log", "wb")
        s.p = subprocess.Popen([KS, "serve", "--cluster", "w", "--kubeconfig", s.config], env=env(s.home), stdout=s.log, stderr=s.log)
        deadline = time.time() + 20
        while not (os.path.exists(s.config) and os.path.getsize(s.config)):
            if time.time() > deadline or s.p.poll() is not None:
                sys.exit("serve does not start: " + open(f"{s.home}/log").read())
            time.sleep(0.02)
        text = open(s.config).read()
        s.port = int(re.search(r"server: https://[^:]+:(\d+)", text).group(1))
        s.token = re.search(r"token: (\S+)", text).group(1)
        ca = base64.b64decode(re.search(r"certificate-authority-data: (\S+)", text).group(1)).decode()
        s.tls = ssl.create_default_context(cadata=ca)

    def connect(s, timeout=30):
        return http.client.HTTPSConnection("127.0.0.1", s.port, context=s.tls, timeout=timeout)

    def raw(s, timeout=20):
        return s.tls.wrap_socket(socket.create_connection(("127.0.0.1", s.port), timeout=timeout), server_hostname="127.0.0.1")

    def ask(s, method, path, body=None, headers=None, token=True, connection=None, timeout=30):
        c = connection or s.connect(timeout)
        h = {"Authorization": "Bearer " + s.token} if token is True else {"Authorization": "Bearer " + token} if token else {}
        if body is not None:
            h["Content-Type"] = "application/json"
        h.update(headers or {})
        c.request(method, path, body, h)
        r = c.getresponse()
        data = r.read()
        if connection is None:
            c.close()
        return r, data

    def well(s, when, within=2.0):
        """Whether somebody else is still answered, and how soon."""
        t = time.time()
        try:
            r, data = s.ask("GET", "/api/v1/namespaces/default", timeout=15)
            took = time.time() - t
            if r.status != 200:
                bad(f"{when}: a get by name is answered {r.status}")
            elif took > within:
                bad(f"{when}: a get by name took {took:.2f} s")
            return took
        except OSError as e:
            bad(f"{when}: a get by name failed: {e!r}")
            return 99
    def rss(s):
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{s.p.pid}/status").read()).group(1)) // 1024

    def end(s):
        if s.p.poll() is not None:
            bad(f"serve ended by itself with {s.p.returncode}: {open(f'{s.home}/log').read()[-600:]}")
            return
        s.p.send_signal(signal.SIGTERM)
        try:
            if s.p.wait(15) != 0:
                bad(f"SIGTERM: exit code {s.p.returncode}")
        except subprocess.TimeoutExpired:
            bad("SIGTERM: it does not end")
            s.p.kill()
        if b"panicked" in open(f"{s.home}/log", "rb").read():
            bad("a panic: " + open(f"{s.home}/log").read()[-600:])


def cm(name, **more):
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **more.pop("metadata", {})}, **more})


CMS = "/api/v1/namespaces/default/configmaps"


def strangers(s):
    for token in (None, "", "x", s.token[:-1], s.token + "x", "é"):
        for method, path in (("GET", "/api/v1/secrets"), ("POST", CMS), ("GET", "/healthz/../api/v1/secrets"), ("DELETE", CMS)):
            c = s.connect()
            h = {} if token is None else {"Authorization": ("Bearer " + token).encode("utf-8")}
            c.request(method, path, cm("stranger") if method == "POST" else None, h)
            r = c.getresponse(); data = r.read()
            if r.status != 401 or b"token" in data or (data and json.loads(data).get("reason") != "Unauthorized"):
                bad(f"{method} {path} with token {token!r}: {r.status} {data[:200]}")
    if b"stranger" in s.ask("GET", CMS)[1]:
        bad("a stranger's ConfigMap is there")


def limits_of_bodies(s):
    for what, body, status in (
        ("3.1 MB", cm("big", data={"a": "x" * 3_200_000}), (413,)), ("a value of 1.1 MB", cm("big", data={"a": "x" * 1_100_000}), (422,)),
        ("annotations of 300 KB", cm("big", metadata={"annotations": {"a": "x" * 300_000}}), (422,)),
        ("deep", '{"a":' * 100_000, (400,)), ("half", '{"kind":"ConfigMap"', (400,)), ("not UTF-8", b'{"kind":"\xff"}', (400,)),
        ("nothing", "", (400,)), ("a list", "[1]", (400,)), ("NUL", cm("a\0b"), (400, 422)), ("another kind", '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"}}', (400,)),
        ("numbers", cm("n", data={"a": 1e308}), (400,)), ("many keys", cm("keys", data={f"k{i}": "" for i in range(50_000)}), (201, 413, 422)),
    ):
        try:
            r, data = s.ask("POST", CMS, body)
            if r.status not in status:
                bad(f"{what}: {r.status} {data[:200]}")
            elif r.status >= 400 and json.loads(data)["kind"] != "Status":
                bad(f"{what}: no Status: {data[:200]}")
        except (OSError, ValueError, http.client.HTTPException) as e:
            if what != "3.1 MB":                      # who is cut off while it writes
                bad(f"{what}: {e!r}")
        s.well("after " + what)
    for kind, status in (("text/plain", 415), ("application/cbor", 415), ("", 415), ("application/json; charset=utf-16", 201)):
        r, data = s.ask("POST", CMS, cm("t" + str(len(kind))), {"Content-Type": kind})
        if r.status != status and not (status == 415 and r.status == 201 and kind == ""):
            bad(f"Content-Type {kind!r}: {r.status} {data[:200]}")


def paths(s):
    for path in ("/api/v1/../../etc/passwd", "/api/v1/namespaces/%2e%2e/configmaps", "/api/v1/namespaces/default/configmaps/%2F", "//api//v1//pods",
                 "/api/v1/namespaces/default/configmaps/a%00b", "/" + "a" * 60_000, "/api/v1/" + "namespaces/" * 3000, "/api/v1/namespaces/default/pods/x/exec",
                 "/%", "/api/v1/%zz", "/api/v1/pods?limit=-1", "/api/v1/pods?limit=99999999999999999999", "/api/v1/pods?continue=x", "/api/v1/pods?resourceVersion=-1",
                 "/api/v1/pods?resourceVersion=99999999999999", "/api/v1/pods?labelSelector=a%3D%3D%3Db", "/api/v1/pods?fieldSelector=nope%3Dx", "/api/v1/pods?watch=1&timeoutSeconds=-1",
                 "/api/v1/pods?watch=true&timeoutSeconds=0&resourceVersion=x", "/api/v1/pods?" + "a=b&" * 5000, "/apis/apps/v1/namespaces/default/statefulsets/x/scale/y",
                 "/api/v1/nodes/x/proxy/", "/api/v1/namespaces/default/services/http:x:80/proxy/", "/apis/a.b/v1", "/api/v2", "/openapi/v3/apis/nope/v1", "/metrics/../api/v1/secrets"):
        try:
            r, data = s.ask("GET", path, timeout=10)
            if r.status >= 500 and "proxy" not in path:
                bad(f"GET {path[:60]}: {r.status} {data[:200]}")
        except http.client.InvalidURL:
            pass
        except (OSError, http.client.HTTPException) as e:
            bad(f"GET {path[:60]}: {e!r}")
        s.well("after " + path[:40])


def headers(s):
    auth = f"Authorization: Bearer {s.token}\r\n"
    for what, text in (
        ("a header of 2 MB", f"GET /api HTTP/1.1\r\nHost: x\r\n{auth}A: {'x' * 2_000_000}\r\n\r\n"), ("20,000 headers", f"GET /api HTTP/1.1\r\nHost: x\r\n{auth}" + "A: b\r\n" * 20_000 + "\r\n"),
        ("two lengths", f"POST {CMS} HTTP/1.1\r\nHost: x\r\n{auth}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
        ("a length and chunks", f"POST {CMS} HTTP/1.1\r\nHost: x\r\n{auth}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api HTTP/1.1\r\n\r\n"),
        ("a chunk without end", f"POST {CMS} HTTP/1.1\r\nHost: x\r\n{auth}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nx"),
        ("a length below 0", f"POST {CMS} HTTP/1.1\r\nHost: x\r\n{auth}Content-Length: -1\r\n\r\n"), ("no version", "GET /api\r\n\r\n"), ("NULs", "GET /api HTTP/1.1\r\nA: \0\r\n\r\n"),
        ("an upgrade to nowhere", f"GET /api HTTP/1.1\r\nHost: x\r\n{auth}Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n"),
    ):
        try:
            c = s.raw(10)
            c.sendall(text.encode())
            answer = c.recv(65536)
            if answer and not re.match(rb"HTTP/1\.[01] [245]\d\d", answer):
                bad(f"{what}: {answer[:100]}")
            c.close()
        except (ConnectionError, ssl.SSLError, socket.timeout, BrokenPipeError) as e:
            if isinstance(e, socket.timeout) and "chunk" not in what:
                bad(f"{what}: neither an answer nor an end")
        s.well("after " + what)


def broken_tls(s):
    for what, data in (("plain HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), ("noise", os.urandom(4096)), ("zeros", bytes(4096)), ("half a hello", bytes.fromhex("160301020001")),
                       ("SSL 2", bytes.fromhex("802e0100020015")), ("a record of 64 KB", b"\x16\x03\x01\xff\xff" + os.urandom(70000))):
        for _ in range(20):
            c = socket.create_connection(("127.0.0.1", s.port), timeout=5)
            try:
                c.sendall(data)
                c.shutdown(socket.SHUT_WR) if what != "half a hello" else None
                c.settimeout(0.05); c.recv(100)
            except OSError:
                pass
            c.close()
        s.well("after TLS: " + what)


def crowds(s):
    held = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    before = s.rss()
    try:
        for _ in range(3000):
            held.append(socket.create_connection(("127.0.0.1", s.port), timeout=5))
    except OSError as e:
        FIGURES.append(f"{len(held)} idle connections, then {e!r}")
    took = s.well(f"beside {len(held)} idle connections")
    FIGURES.append(f"{len(held)} idle connections: a get took {took * 1e3:.0f} ms, {before} -> {s.rss()} MB")
    for c in held: c.close()
    held = []
    for n in range(300):
        c = s.raw()
        c.sendall(f"POST {CMS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {s.token}\r\nContent-Type: application/json\r\nContent-Length: 3000000\r\n\r\n{{\"a\": \"".encode() + b"x" * (1000 * (n % 20)))
        held.append(c)
    took = s.well("beside 300 halves of requests")
    FIGURES.append(f"300 halves of requests: a get took {took * 1e3:.0f} ms, {s.rss()} MB")
    for c in held: c.close()


def who_does_not_read(s):
    before = s.rss()
    lazy = []
    for _ in range(5):
        c = s.raw(60)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.sendall(f"GET {CMS}?watch=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {s.token}\r\n\r\n".encode())
        lazy.append(c)
    r, _ = s.ask("POST", CMS, cm("fat", data={"a": "x" * 200_000}))
    c = s.connect(); most, worst = before, 0
    for n in range(300):
        s.ask("PATCH", CMS + "/fat", json.dumps({"data": {"n": str(n)}}), {"Content-Type": "application/merge-patch+json"}, connection=c)
        if n % 50 == 0:
            worst = max(worst, s.well("beside watchers that do not read")); most = max(most, s.rss())
    FIGURES.append(f"5 watchers that do not read, 60 MB each to be told: {before} -> {most} MB, a get took at most {worst * 1e3:.0f} ms")
    if most > before + 400:
        bad(f"watchers that do not read cost {most - before} MB")
    for c in lazy: c.close()
    s.ask("DELETE", CMS + "/fat")


def flood(s):
    codes, slow, lock = {}, [0.0], threading.Lock()
    def one(k):
        try:
            c = s.connect(60)
            for n in range(10):
                t = time.time(); r, data = s.ask("GET", "/api/v1/pods?limit=500", connection=c); took = time.time() - t
                with lock:
                    codes[r.status] = codes.get(r.status, 0) + 1; slow[0] = max(slow[0], took)
                    if r.status == 429 and not r.getheader("Retry-After"): bad("429 without Retry-After")
        except (OSError, http.client.HTTPException) as e:
            with lock: codes[type(e).__name__] = codes.get(type(e).__name__, 0) + 1
    threads = [threading.Thread(target=one, args=(k,)) for k in range(300)]
    t = time.time(); [x.start() for x in threads]
    time.sleep(0.3); took = s.well("beside 300 clients at once", 5.0)
    [x.join() for x in threads]
    FIGURES.append(f"300 clients at once, 10 lists each: {codes} in {time.time() - t:.1f} s, slowest {slow[0]:.2f} s, a get beside them {took * 1e3:.0f} ms")
    if set(codes) - {200, 429}: bad(f"a flood was answered {codes}")


def websockets(s):
    s.ask("POST", "/api/v1/namespaces/default/pods", json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "busybox", "command": ["sleep", "1000000"]}]}}))
    deadline = time.time() + 30
    while b'"Running"' not in s.ask("GET", "/api/v1/namespaces/default/pods/p")[1] and time.time() < deadline: time.sleep(0.2)
    def frame(kind, data, mask=True):
        n = len(data); head = bytes([0x80 | kind]) + (bytes([0x80 * mask | n]) if n < 126 else bytes([0x80 * mask | 126]) + struct.pack(">H", n))
        return head + (b"\0\0\0\0" if mask else b"") + data
    for what, frames in (("no mask", frame(2, b"\0hi", False)), ("a channel of its own", frame(2, b"\x09hi")), ("reserved bits", b"\xf2\x80\0\0\0\0"), ("a frame of 2^63 bytes", b"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0"),
                         ("resize to nonsense", frame(2, b"\x04{\"Width\":-1")), ("nothing", frame(2, b"")), ("an end in the middle", frame(2, b"\0ab")[:4]), ("close of a channel twice", frame(2, b"\xff\0") * 2), ("a ping of 200 bytes", b"\x89\xfe\x00\xc8\0\0\0\0" + bytes(200))):
        c = s.raw(3)
        c.sendall((f"GET /api/v1/namespaces/default/pods/p/exec?command=cat&stdin=true&stdout=true&stderr=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {s.token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n").encode())
        head = c.recv(4096)
        if b" 101 " not in head.split(b"\r\n")[0]: bad(f"exec is not upgraded: {head[:200]}"); break
        try:
            c.sendall(frames); c.settimeout(0.3); c.recv(4096)
        except OSError:
            pass
        c.close(); s.well("after a WebSocket with " + what)


def bombs(s):
    """Small bodies that grow, and many things at once."""
    s.ask("POST", CMS, cm("bomb", data={"a": "x" * 1000}))
    before = s.rss()
    doubling = [{"op": "add", "path": "/data/b", "value": "x" * 1000}] + [{"op": "add", "path": "/metadata/annotations", "value": {}}]
    doubling += [step for _ in range(40) for step in ({"op": "copy", "from": "/data", "path": "/metadata/annotations/x"}, {"op": "copy", "from": "/metadata/annotations", "path": "/data/y"})]
    laughs = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(20))
    for what, kind, body in (
        ("a JSON patch that doubles", "application/json-patch+json", json.dumps(doubling)),
        ("a JSON patch of 20,000 steps", "application/json-patch+json", json.dumps([{"op": "add", "path": "/data/a", "value": "b"}] * 20_000)),
        ("a JSON patch that tests for ever", "application/json-patch+json", json.dumps([{"op": "test", "path": "/data/a", "value": "x" * 1000}] * 2500)),
        ("a deep merge patch", "application/merge-patch+json", '{"data":' * 50_000 + "1" + "}" * 50_000),
        ("a deep strategic patch", "application/strategic-merge-patch+json", '{"metadata":{"annotations":' * 5_000 + "1" + "}}" * 5_000),
        ("laughs applied", "application/apply-patch+yaml", laughs), ("a deep YAML", "application/apply-patch+yaml", "[" * 100_000),
        ("a deep YAML of keys", "application/apply-patch+yaml", "".join(" " * n + "a:\n" for n in range(2000))),
    ):
        t = time.time()
        try:
            r, data = s.ask("PATCH", CMS + "/bomb" + ("?fieldManager=x" if "yaml" in kind else ""), body, {"Content-Type": kind}, timeout=20)
            if r.status >= 500 or (r.status == 200 and "tests" not in what): bad(f"{what}: {r.status} {data[:200]}")
        except (OSError, http.client.HTTPException) as e:
            bad(f"{what}: {e!r}")
        if time.time() - t > 2: bad(f"{what}: {time.time() - t:.1f} s")
        s.well("after " + what)
    for what, query in (("a selector of 60 KB", "labelSelector=" + "a%2C" * 15_000), ("in of 5,000", "labelSelector=a+in+(" + "%2C".join(f"v{n}" for n in range(5000)) + ")"),
                        ("a field selector of 60 KB", "fieldSelector=" + "metadata.name%3Dx%2C" * 3000), ("a long continue", "limit=1&continue=" + "e" * 60_000)):
        r, data = s.ask("GET", "/api/v1/configmaps?" + query)
        if r.status >= 500: bad(f"{what}: {r.status} {data[:200]}")
        s.well("after " + what)
    if s.rss() > before + 300: bad(f"bombs cost {s.rss() - before} MB")
    # As many watches as an operator with many replicas has, and what each costs.
    before, held = s.rss(), []
    for _ in range(1000):
        c = s.raw(60)
        c.sendall(f"GET {CMS}?watch=1&resourceVersion=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {s.token}\r\n\r\n".encode())
        held.append(c)
    took = s.well("beside 1,000 watches")
    worst = 0
    for n in range(20):
        t = time.time(); s.ask("PATCH", CMS + "/bomb", json.dumps({"data": {"a": str(n)}}), {"Content-Type": "application/merge-patch+json"}); worst = max(worst, time.time() - t)
    FIGURES.append(f"1,000 watches: a get took {took * 1e3:.0f} ms, a patch at most {worst * 1e3:.0f} ms, {before} -> {s.rss()} MB")
    for c in held: c.close()
    time.sleep(1)
    # Several requests in one piece are answered one after another.
    c = s.raw(10)
    one = f"GET /api/v1/namespaces/default HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {s.token}\r\n\r\n"
    c.sendall((one * 50).encode())
    data = b""
    try:
        while data.count(b"HTTP/1.1 200") < 50: data += c.recv(65536) or bad("pipelined requests: it ends") or b"HTTP/1.1 200" * 50
    except OSError as e: bad(f"pipelined requests: {data.count(b'HTTP/1.1 200')} of 50, {e!r}")
    c.close()


def drips(s):
    """Heads and bodies that come a byte at a time, many at once."""
    held = []
    for n in range(200):
        c = s.raw(30)
        c.sendall(b"GET /api HTTP/1.1\r\nHost: x\r\nA: " if n % 2 else f"POST {CMS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {s.token}\r\nContent-Length: 1000\r\n\r\n".encode())
        held.append(c)
    worst = 0
    for _ in range(20):
        for c in held: c.sendall(b"x")
        worst = max(worst, s.well("beside requests that drip"))
    FIGURES.append(f"200 requests that drip: a get took at most {worst * 1e3:.0f} ms")
    for c in held: c.close()


def killed(s):
    kept = []
    c = s.connect()
    for n in range(400):
        r, _ = s.ask("POST", CMS, cm(f"kept-{n}"), connection=c)
        if r.status == 201: kept.append(f"configmap/kept-{n}")
    s.p.kill(); s.p.wait()
    there = set(run([KS, "--cluster", "w", "get", "configmaps", "-o", "name"], s.home).out.decode().split())
    lost = [k for k in kept if k not in there]
    if lost: bad(f"{len(lost)} of {len(kept)} acknowledged writes were lost by kill -9: {lost[:3]}")
    if integrity(db(s.home, "w")) != "ok" or consistent(db(s.home, "w")): bad("the file is damaged")
    FIGURES.append(f"kill -9 after {len(kept)} acknowledged writes: {len(lost)} lost")
    s.start(); s.well("after a kill and a new start")
    # Commands write beside it; a watch tells of it.
    w = s.raw(20)
    w.sendall(f"GET {CMS}?watch=1&resourceVersion=0&fieldSelector=metadata.name%3Dbeside HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {s.token}\r\n\r\n".encode())
    time.sleep(0.5); times = []
    for n in range(10):
        t0 = time.time(); run([KS, "--cluster", "w", "create" if n == 0 else "label", *(["cm", "beside"] if n == 0 else ["cm", "beside", f"n={n}", "--overwrite"])], s.home); written = time.time()
        data = b""
        try:
            while b"beside" not in data: data += w.recv(65536)
            times.append(max(0, time.time() - written))
        except OSError: bad("a command's write does not come to a watch"); break
    FIGURES.append(f"a command's write comes to a watch {max(times or [0]) * 1e3:.0f} ms after the command ended at the latest")


parts = [strangers, limits_of_bodies, paths, headers, broken_tls, crowds, who_does_not_read, flood, bombs, drips, websockets, killed]
names = sys.argv[1:]
s = Serve("s")
for part in parts:
    if names and part.__name__ not in names: continue
    print(part.__name__); t = time.time(); part(s); print(f"  {time.time() - t:.1f} s")
s.end()
print("\n".join(FIGURES))
print("VIOLATIONS", len(BAD))
for b in BAD: print(" ", b[:600])

#!/usr/bin/env python3
"""Load on `kstate serve`: python3 benches/serve_load.py BINARY [--rate 2000] [--seconds 10] [--watches 50] [--objects 10000].

Requests are due at fixed times and counted from then on, so that a server that falls behind can't hide it. Half of them get
an object by name, three in ten list fifty of a namespace's, two in ten patch a ConfigMap. Every second watch sees all ConfigMaps,
the others a namespace's. An event's delay runs from the moment its patch was due. Prints figures; exits 1 when an aim is missed.
"""
import argparse, base64, json, multiprocessing, os, random, re, resource, select, shutil, signal, socket, ssl, subprocess, sys
import tempfile, threading, time

NAMESPACES = 20
AIMS = {"rate": 1.0, "get p99 ms": 5.0, "event p99 ms": 20.0}


class Server:
    """A served cluster on a wall clock."""

    def __init__(self, binary, folder):
        self.environment = {**os.environ, "KSTATE_HOME": folder}
        subprocess.run([binary, "cluster", "create", "load", "--clock", "wall"], env=self.environment, check=True, stdout=subprocess.DEVNULL)
        config = folder + "/kubeconfig"
        self.process = subprocess.Popen([binary, "serve", "--cluster", "load", "--kubeconfig", config], env=self.environment,
                                        stdout=subprocess.DEVNULL)
        began = time.monotonic()
        while not (os.path.exists(config) and os.path.getsize(config)):
            if self.process.poll() is not None or time.monotonic() - began > 20:
                sys.exit("the server does not start")
            time.sleep(0.005)
        self.started = time.monotonic() - began
        text = open(config).read()
        self.port = int(re.search(r"server: https://[^:]+:(\d+)", text)[1])
        self.token = re.search(r"token: (\S+)", text)[1]
        self.ca = base64.b64decode(re.search(r"certificate-authority-data: (\S+)", text)[1]).decode()

    def use(self):
        """The processor seconds used so far, and the memory held now in MB."""
        words = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        pages = int(open(f"/proc/{self.process.pid}/statm").read().split()[1])
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK"), pages * resource.getpagesize() >> 20

    def threads(self):
        """The processor seconds that each thread used so far."""
        used = {}
        for thread in os.listdir(f"/proc/{self.process.pid}/task"):
            name, rest = open(f"/proc/{self.process.pid}/task/{thread}/stat").read().split("(", 1)[1].rsplit(")", 1)
            used[f"{name}/{thread}"] = sum(map(int, rest.split()[11:13])) / os.sysconf("SC_CLK_TCK")
        return used


class Connection:
    """A connection that is kept; as little HTTP as there must be, since the client shares the machine."""

    def __init__(self, server):
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = ssl.create_default_context(cadata=server.ca).wrap_socket(plain, server_hostname="127.0.0.1")
        self.head = f" HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\nAuthorization: Bearer {server.token}\r\n"

    def send(self, method, path, body=None, kind="application/json"):
        text = f"{method} {path}{self.head}"
        if body is not None:
            text += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        self.socket.sendall((text + "\r\n" + (body or "")).encode())

    def ask(self, *request):
        self.send(*request)
        data = self.socket.recv(65536)
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self.socket.recv(65536)
        status = int(data[9:12])
        length = re.search(rb"(?i)content-length: (\d+)", data[:end])
        missing = int(length[1]) - (len(data) - end - 4)
        pieces = [data[end + 4:]]
        while missing > 0:
            pieces.append(self.socket.recv(65536))
            missing -= len(pieces[-1])
        return status, b"".join(pieces)


def maps(namespace):
    return f"/api/v1/namespaces/load-{namespace}/configmaps"


def fill(server, numbers, done):
    connection = Connection(server)
    for n in numbers:
        body = json.dumps({"metadata": {"name": f"m{n // NAMESPACES}", "labels": {"app": f"a{n % 7}", "tier": "load"}},
                           "data": {"sent": "0", "config": "key = value\n" * 20}})
        status, answer = connection.ask("POST", maps(n % NAMESPACES), body)
        if status != 201:
            sys.exit(f"{status}: {answer[:300]}")
    done.put(len(numbers))


def work(server, options, seed, begin, results):
    """A few threads, each with its connection, that ask when it is time."""
    took, failed, lock = {"get": [], "list": [], "patch": []}, [], threading.Lock()
    step = options.processes * options.connections / options.rate
    each = options.objects // NAMESPACES

    def one(number):
        dice = random.Random(seed * 1000 + number)
        connection = Connection(server)
        place = seed * options.connections + number
        due = begin + step * place / (options.processes * options.connections)
        while due < begin + options.seconds:
            pause = due - time.time()
            if pause > 0:
                time.sleep(pause)
            chance, namespace, n = dice.random(), dice.randrange(NAMESPACES), dice.randrange(each)
            if chance < 0.5:
                what, request = "get", ("GET", f"{maps(namespace)}/m{n}")
            elif chance < 0.8:
                what, request = "list", ("GET", f"{maps(namespace)}?limit=50")
            else:
                body = f'{{"data":{{"sent":"{int(due * 1e6)}"}}}}'
                what, request = "patch", ("PATCH", f"{maps(namespace)}/m{n}", body, "application/merge-patch+json")
            status, answer = connection.ask(*request)
            now = time.time()
            with lock:
                took[what].append(now - due)
                if status != 200:
                    failed.append((status, answer[:200]))
            due += step

    threads = [threading.Thread(target=one, args=(n,)) for n in range(options.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((took, failed, time.process_time()))


def follow(server, numbers, begin, seconds, ready, results):
    """Watches that are read by one process."""
    poll, watches, delays = select.poll(), {}, []
    revision = re.search(rb'"resourceVersion":"(\d+)"', Connection(server).ask("GET", maps(0) + "?limit=1")[1])[1].decode()
    for number in numbers:
        path = "/api/v1/configmaps" if number % 2 == 0 else maps(number % NAMESPACES)
        watch = Connection(server)
        watch.send("GET", f"{path}?watch=1&allowWatchBookmarks=true&resourceVersion={revision}")
        watch.socket.setblocking(False)
        watches[watch.socket.fileno()] = [watch.socket, b""]
        poll.register(watch.socket, select.POLLIN)
    ready.put(len(watches))
    find = re.compile(rb'"sent":"(\d+)"')
    while time.time() < begin.value + seconds + 1 or not begin.value:
        for number, _ in poll.poll(200):
            watch = watches[number]
            pieces = [watch[1]]
            try:
                while piece := watch[0].recv(262144):
                    pieces.append(piece)
                sys.exit("a watch ended")
            except (ssl.SSLWantReadError, BlockingIOError):
                pass
            now = time.time()
            data = b"".join(pieces)
            delays += [now - int(sent) / 1e6 for sent in find.findall(data)]
            # A number may be cut by the end of a piece.
            cut = data.rfind(b"\n")
            tail = data[cut + 1:]
            watch[1] = b"" if find.search(tail) else tail[-64:]
    results.put((delays, time.process_time()))


def at(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))] * 1e3 if sorted_values else float("nan")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    for name, default in (("rate", 2000), ("watches", 50), ("objects", 10000), ("processes", 2), ("connections", 8), ("pid", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="kstate-load-")
    server = Server(os.path.realpath(options.binary), folder)
    try:
        sys.exit(measure(server, options))
    finally:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def measure(server, options):
    fork = multiprocessing.get_context("fork")
    print(f"serve takes requests {server.started * 1e3:.0f} ms after its start, {server.use()[1]} MB")
    connection = Connection(server)
    for n in range(NAMESPACES):
        connection.ask("POST", "/api/v1/namespaces", json.dumps({"metadata": {"name": f"load-{n}"}}))
    began, done = time.time(), fork.Queue()
    fillers = [fork.Process(target=fill, args=(server, range(n, options.objects, 8), done)) for n in range(8)]
    for filler in fillers:
        filler.start()
    for filler in fillers:
        filler.join()
        if filler.exitcode:
            return 1
    took = time.time() - began
    print(f"{options.objects} ConfigMaps created in {took:.1f} s, {options.objects / took:.0f} a second, {server.use()[1]} MB")

    begin, ready, delays, results = fork.Value("d", 0.0), fork.Queue(), fork.Queue(), fork.Queue()
    halves = [range(n, options.watches, 2) for n in range(2)]
    # An odd and an even watch to each of the two.
    halves = [[n for n in range(options.watches) if n // 2 % 2 == half] for half in range(2)]
    followers = [fork.Process(target=follow, args=(server, half, begin, options.seconds, ready, delays)) for half in halves if half]
    for follower in followers:
        follower.start()
    for follower in followers:
        ready.get()
    start = time.time() + 2
    begin.value = start
    used, threads = server.use()[0], server.threads()
    workers = [fork.Process(target=work, args=(server, options, n, start, results)) for n in range(options.processes)]
    for worker in workers:
        worker.start()
    all_took, failed, client = {"get": [], "list": [], "patch": []}, [], 0.0
    for _ in workers:
        took, wrong, spent = results.get()
        failed += wrong
        client += spent
        for what, values in took.items():
            all_took[what] += values
    ended = time.time()
    used = server.use()[0] - used
    spent_by = {name: after - threads.get(name, 0) for name, after in server.threads().items()}
    all_delays = []
    for _ in followers:
        late, spent = delays.get()
        all_delays += late
        client += spent
    asked = sum(map(len, all_took.values()))
    rate = asked / (ended - start)
    print(f"{asked} requests in {ended - start:.2f} s, {rate:.0f} a second, {len(failed)} refused {failed[:2]}")
    print(f"server: {used / (ended - start):.2f} cores ({', '.join(f'{n} {v / (ended - start):.2f}' for n, v in spent_by.items() if v > 0.05)}), "
          f"{server.use()[1]} MB; client: {client / (ended - start):.2f} cores")
    for what, values in [*all_took.items(), ("event", all_delays)]:
        values.sort()
        print(f"{what:6} {len(values):7}  p50 {at(values, 0.5):7.2f}  p90 {at(values, 0.9):7.2f}  p99 {at(values, 0.99):7.2f}  most {at(values, 1):7.2f} ms")
    expected = len(all_took["patch"]) * options.watches // 2
    missed = []
    if rate < options.rate * 0.98 or failed:
        missed.append(f"{options.rate} requests a second")
    if not at(all_took["get"], 0.99) < AIMS["get p99 ms"]:
        missed.append(f"a get's p99 below {AIMS['get p99 ms']} ms")
    if options.watches and not at(all_delays, 0.99) < AIMS["event p99 ms"]:
        missed.append(f"an event's p99 below {AIMS['event p99 ms']} ms")
    if len(all_delays) < expected:
        missed.append(f"{expected} events ({len(all_delays)} came)")
    print("missed: " + "; ".join(missed) if missed else "all aims are reached")
    return 1 if missed else 0


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Makes files of many kinds with ordinary tools: make.py FOLDER.

Each file is between some ten kilobytes and a megabyte long, so that it has many clusters. What a missing tool would have
made is printed and left out. Every file is made twice, NAME and NAME.older, of content that differs in a part: an earlier
version of it.
"""

import gzip, bz2, lzma, io, json, os, random, shutil, sqlite3, struct, subprocess, sys, tarfile, wave, zipfile

folder = os.path.abspath(sys.argv[1])
os.makedirs(folder, exist_ok=True)
os.chdir(folder)
missing = []


def words(seed, count):
    rng = random.Random(seed)
    vocabulary = ["".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(2, 10))) for _ in range(2000)]
    return [rng.choice(vocabulary) for _ in range(count)]


def prose(seed, length):
    lines, line = [], []
    for word in words(seed, length // 4):
        line.append(word)
        if len(line) == 12:
            lines.append(" ".join(line) + ".")
            line = []
    return "\n".join(lines)[:length] + "\n"


def noise(seed, length):
    return random.Random(seed).randbytes(length)


def versions(name, make):
    """Calls make(path, text) for the file and its older version: the same text up to the middle."""
    new, old = prose(name, 300_000), prose(name + "old", 300_000)
    for path, text in ((name, new), (name + ".older", new[:150_000] + old[150_000:])):
        try:
            make(path, text)
        except (OSError, subprocess.CalledProcessError, ImportError) as error:
            missing.append(f"{name}: {error}")
            return


def write(path, content):
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def run(*command, **options):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)


def by_tool(extension, *command, source="input.txt", content=None):
    """A tool that makes OUT of IN."""
    def make(path, text):
        with_source = f"{source}"
        write(with_source, content(text) if content else text)
        out = f"tool-out.{extension}"
        if os.path.exists(out):
            os.remove(out)
        run(*[{"IN": with_source, "OUT": out}.get(part, part) for part in command])
        os.replace(out, path)
        os.remove(with_source)
    return make


# --- archives
def zipped(method, members=5):
    def make(path, text):
        with zipfile.ZipFile(path, "w", method) as archive:
            for index in range(members):
                part = len(text) // members
                archive.writestr(f"folder/part{index}.txt", text[index * part:(index + 1) * part])
    return make

def streamed_zip(path, text):
    class Unseekable(io.RawIOBase):
        def __init__(self, file): self.file = file
        def writable(self): return True
        def write(self, data): return self.file.write(data)
    with open(path, "wb") as file, zipfile.ZipFile(Unseekable(file), "w", zipfile.ZIP_DEFLATED) as archive:
        for index in range(4):
            archive.writestr(f"{index}.txt", text[index::4])

versions("stored.zip", zipped(zipfile.ZIP_STORED))
versions("deflated.zip", zipped(zipfile.ZIP_DEFLATED))
versions("single.jar", zipped(zipfile.ZIP_DEFLATED, 1))
versions("streamed.zip", streamed_zip)
versions("many.apk", zipped(zipfile.ZIP_DEFLATED, 400))
versions("infozip.zip", by_tool("zip", "zip", "-q", "OUT", "IN"))

def office(main, extra):
    def make(path, text):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("[Content_Types].xml", "<?xml version='1.0'?><Types xmlns='x'/>")
            archive.writestr(main, "<?xml version='1.0'?><d>" + text.replace("\n", "</p><p>") + "</d>")
            archive.writestr(extra, noise(text[:9], 40_000))
    return make
versions("letter.docx", office("word/document.xml", "word/media/image1.jpeg"))
versions("table.xlsx", office("xl/worksheets/sheet1.xml", "xl/media/image1.png"))
versions("slides.pptx", office("ppt/slides/slide1.xml", "ppt/media/image1.png"))
versions("letter.odt", office("content.xml", "Pictures/1.png"))
versions("book.epub", office("OEBPS/1.xhtml", "OEBPS/cover.jpg"))
versions("text.gz", lambda path, text: write(path, gzip.compress(text.encode(), mtime=0)))
versions("noise.gz", lambda path, text: write(path, gzip.compress(noise(text[:3], 100_000) + noise(text[-30:], 100_000), mtime=0)))
versions("members.gz", lambda path, text: write(path, b"".join(gzip.compress(text[at:at + 30_000].encode(), mtime=0) for at in range(0, 300_000, 30_000))))
versions("text.bz2", lambda path, text: write(path, bz2.compress(text.encode(), 1)))
versions("text.xz", lambda path, text: write(path, lzma.compress(text.encode())))
versions("crc32.xz", lambda path, text: write(path, lzma.compress(text.encode(), check=lzma.CHECK_CRC32)))
versions("sha256.xz", lambda path, text: write(path, lzma.compress(text.encode(), check=lzma.CHECK_SHA256)))

def tarred(text):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for index in range(20):
            part = text[index * 15_000:(index + 1) * 15_000].encode()
            info = tarfile.TarInfo(f"member{index}.txt")
            info.size = len(part)
            archive.addfile(info, io.BytesIO(part))
    return buffer.getvalue()
versions("text.tar.gz", lambda path, text: write(path, gzip.compress(tarred(text), mtime=0)))
versions("text.tar", lambda path, text: write(path, tarred(text)))
versions("text.zst", by_tool("zst", "zstd", "-q", "IN", "-o", "OUT"))
versions("best.zst", by_tool("zst", "zstd", "-q", "-19", "IN", "-o", "OUT"))
versions("text.7z", by_tool("7z", "7z", "a", "-m0=lzma2", "OUT", "IN"))
versions("copied.7z", by_tool("7z", "7z", "a", "-mx=0", "OUT", "IN"))
versions("lzma.7z", by_tool("7z", "7z", "a", "-m0=lzma", "OUT", "IN"))
versions("deflated.7z", by_tool("7z", "7z", "a", "-m0=deflate", "OUT", "IN"))
versions("text.cab", by_tool("cab", "gcab", "-c", "-z", "OUT", "IN"))
versions("stored.cab", by_tool("cab", "gcab", "-c", "-n", "OUT", "IN"))

def wim(path, text):
    shutil.rmtree("wim", ignore_errors=True)
    os.mkdir("wim")
    for index in range(5):
        write(f"wim/{index}.txt", text[index::5])
    run("wimlib-imagex", "capture", "wim", "out.wim", "--check", "--compress=XPRESS")
    os.replace("out.wim", path)
    shutil.rmtree("wim")
versions("image.wim", wim)

def pack(path, text):
    shutil.rmtree("repository", ignore_errors=True)
    run("git", "init", "-q", "repository")
    for index in range(5):
        write(f"repository/{index}.txt", text[index::5])
    environment = dict(os.environ, GIT_AUTHOR_DATE="2026-01-01T00:00:00Z", GIT_COMMITTER_DATE="2026-01-01T00:00:00Z",
                       GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@b", GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@b")
    run("git", "add", ".", cwd="repository")
    run("git", "commit", "-q", "-m", "text", cwd="repository", env=environment)
    loose = max((os.path.join(top, name) for top, _, names in os.walk("repository/.git/objects") for name in names), key=os.path.getsize)
    os.replace(loose, path.replace("repository.pack", "0123456789abcdef0123456789abcdef012345"))
    write("repository/.git/objects/unused", b"")
    shutil.rmtree("repository/.git")
    run("git", "init", "-q", ".", cwd="repository")
    run("git", "add", ".", cwd="repository")
    run("git", "commit", "-q", "-m", "text", cwd="repository", env=environment)
    run("git", "gc", "-q", cwd="repository")
    packs = "repository/.git/objects/pack"
    os.replace(os.path.join(packs, next(name for name in os.listdir(packs) if name.endswith(".pack"))), path)
    shutil.rmtree("repository")
versions("repository.pack", pack)


# --- pictures
def raster(text, width=300, height=200):
    """A picture of soft shapes and some noise."""
    rng = random.Random(text[:20] + text[-20:])
    base = random.Random(text[:20])
    waves = [(base.uniform(0.005, 0.05), base.uniform(0.005, 0.05), base.uniform(0, 6)) for _ in range(3)]
    import math
    rows = bytearray()
    for y in range(height):
        r = rng if y > height // 2 else base
        for x in range(width):
            for a, b, c in waves:
                rows.append(int(127 + 100 * math.sin(a * x + b * y + c)) ^ r.randint(0, 7))
    return b"P6 %d %d 255\n" % (width, height) + bytes(rows)


def picture(extension, *options):
    return by_tool(extension, "convert", "IN", *options, "OUT", source="input.ppm", content=raster)

for name, extension, options in [
    ("photo.jpg", "jpg", ("-quality", "90")), ("progressive.jpg", "jpg", ("-quality", "92", "-interlace", "Plane")),
    ("grey.jpeg", "jpg", ("-colorspace", "Gray", "-quality", "97")), ("restart.jpg", "jpg", ("-quality", "95", "-define", "jpeg:restart-interval=4")),
    ("photo.png", "png", ()), ("palette.png", "png", ("-colors", "64")), ("photo.gif", "gif", ()),
    ("photo.tif", "tif", ()), ("lzw.tiff", "tif", ("-compress", "LZW")), ("photo.bmp", "bmp", ()),
    ("photo.webp", "webp", ("-quality", "98")), ("photo.heic", "heic", ()), ("scan.pdf", "pdf", ("-compress", "Zip")),
]:
    versions(name, picture(extension, *options))


# --- sound and film
def tone(text):
    buffer = io.BytesIO()
    rng = random.Random(text[-20:])
    with wave.open(buffer, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(22050)
        import math
        for n in range(100_000):
            value = int(9000 * math.sin(n / 17) + 5000 * math.sin(n / 5.3)) + (rng.randint(-900, 900) if n > 50_000 else n * 7919 % 900)
            file.writeframesraw(struct.pack("<hh", value, -value // 2))
    return buffer.getvalue()

versions("tone.wav", lambda path, text: write(path, tone(text)))
for name, extension, options in [
    ("tone.mp3", "mp3", ("-b:a", "128k")), ("tone.flac", "flac", ()), ("tone.ogg", "ogg", ("-c:a", "libvorbis")),
    ("tone.opus", "opus", ("-c:a", "libopus", "-b:a", "160k")), ("tone.m4a", "m4a", ("-c:a", "aac", "-b:a", "192k")), ("tone.mka", "mka", ("-c:a", "libmp3lame",)),
]:
    versions(name, by_tool(extension, "ffmpeg", "-y", "-i", "IN", *options, "OUT", source="input.wav", content=tone))
for name, extension, options in [
    ("film.mp4", "mp4", ("-c:v", "mpeg4", "-q:v", "2")), ("film.mov", "mov", ("-c:v", "mjpeg", "-q:v", "4")), ("fast.mp4", "mp4", ("-c:v", "mpeg4", "-q:v", "2", "-movflags", "+faststart")),
    ("film.avi", "avi", ("-c:v", "mjpeg", "-q:v", "4")), ("film.mkv", "mkv", ("-c:v", "mpeg4", "-q:v", "2")), ("film.webm", "webm", ("-c:v", "libvpx", "-b:v", "2M")),
]:
    def film(path, text, extension=extension, options=options):
        with open("input.ppm", "wb") as file:
            file.write(raster(text))
        run("ffmpeg", "-y", "-loop", "1", "-i", "input.ppm", "-vf", "noise=alls=30:allf=t", "-t", "2", "-r", "10", *options, f"tool-out.{extension}")
        os.replace(f"tool-out.{extension}", path)
        os.remove("input.ppm")
    versions(name, film)


# --- documents, databases, text
def pdf(path, text):
    import zlib
    out = io.BytesIO()
    places = []
    out.write(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
    def add(body):
        places.append(out.tell())
        out.write(b"%d 0 obj\n" % len(places) + body + b"\nendobj\n")
    add(b"<< /Type /Catalog /Pages 2 0 R >>")
    add(b"<< /Type /Pages /Kids [] /Count 0 >>")
    for index in range(30):
        body = zlib.compress(text[index * 10_000:(index + 1) * 10_000].encode())
        add(b"<< /Filter /FlateDecode /Length %d >>\nstream\n" % len(body) + body + b"\nendstream")
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1))
    for place in places:
        out.write(b"%010d 00000 n \n" % place)
    out.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(places) + 1, table))
    write(path, out.getvalue())
versions("text.pdf", pdf)


def database(wal):
    def make(path, text):
        for end in ("", "-wal", "-shm"):
            if os.path.exists("work.db" + end):
                os.remove("work.db" + end)
        base = sqlite3.connect("work.db", isolation_level=None)
        if wal:
            base.execute("pragma journal_mode=wal")
            base.execute("pragma wal_autocheckpoint=0")
        base.execute("create table t(a integer primary key, b text)")
        base.execute("create index i on t(b)")
        base.execute("begin")
        for line in text.split("\n"):
            base.execute("insert into t(b) values (?)", (line,))
        base.execute("commit")
        source = "work.db-wal" if wal else "work.db"
        if wal:
            shutil.copy(source, path)
        base.close()
        if not wal:
            shutil.copy(source, path)
        os.remove("work.db")
    return make
versions("lines.sqlite", database(False))
versions("lines.sqlite-wal", database(True))


def ole2(path, text):
    """A compound file of one stream, by the format's description: header, table, directory, data."""
    data = text.encode("utf-16-le")[:300_000]
    data += bytes(-len(data) % 512)
    sectors = len(data) // 512
    tables = 1
    while tables * 128 < sectors + 1 + tables:
        tables += 1
    header = struct.pack("<8s16sHHHHH6xIIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", bytes(16), 0x3e, 3, 0xfffe, 9, 6, 0, tables, tables, 0, 4096, 0xfffffffe, 0, 0xfffffffe, 0, 0)[:76]
    header = struct.pack("<8s16sHHHHH6xIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", bytes(16), 0x3e, 3, 0xfffe, 9, 6, 0, tables, tables)
    header += struct.pack("<IIIIII", 0, 4096, 0xfffffffe, 0, 0xfffffffe, 0)
    header = header.ljust(76, b"\0")
    header += b"".join(struct.pack("<I", index if index < tables else 0xffffffff) for index in range(109))
    entries = [0xfffffffd] * tables + [0xfffffffe] + [tables + 2 + index for index in range(sectors - 1)] + [0xfffffffe]
    entries += [0xffffffff] * (tables * 128 - len(entries))
    def entry(name, kind, start, length, child):
        encoded = name.encode("utf-16-le") + b"\0\0"
        return struct.pack("<64sHBBIII16sI8s8sIII", encoded, len(encoded), kind, 1, 0xffffffff, 0xffffffff, child, bytes(16), 0, bytes(8), bytes(8), start, length, 0)
    directory = entry("Root Entry", 5, 0xfffffffe, 0, 1) + entry("WordDocument", 2, tables + 1, len(data), 0xffffffff)
    directory = directory.ljust(512, b"\0")
    write(path, header + struct.pack(f"<{tables * 128}I", *entries) + directory + data)
versions("letter.doc", ole2)
versions("mail.msg", ole2)

versions("prose.txt", write)
versions("utf8.txt", lambda path, text: write(path, text.replace("a", "ä").replace("o", "ő")))
versions("latin1.txt", lambda path, text: write(path, text.replace("a", "ä").encode("latin-1")))
versions("utf16.txt", lambda path, text: write(path, ("\ufeff" + text).encode("utf-16-le")))
versions("table.csv", lambda path, text: write(path, text.replace(" ", ";")))
versions("page.html", lambda path, text: write(path, "<!DOCTYPE html><html><body><p>" + text.replace("\n", "</p>\n<p>") + "</p></body></html>\n"))
versions("data.json", lambda path, text: write(path, json.dumps([{"line": line, "number": n} for n, line in enumerate(text.split("\n"))], indent=1)))
versions("data.xml", lambda path, text: write(path, "<?xml version='1.0'?>\n<lines>\n" + "\n".join(f"<line n='{n}'>{line}</line>" for n, line in enumerate(text.split("\n"))) + "\n</lines>\n"))
versions("drawing.svg", lambda path, text: write(path, "<?xml version='1.0'?>\n<svg>\n" + "\n".join(f"<path d='M{n}'/><text>{line}</text>" for n, line in enumerate(text.split("\n"))) + "\n</svg>\n"))
versions("source.rs", lambda path, text: write(path, "\n".join(f"fn f{n}() {{ let x = \"{line}\"; }}" for n, line in enumerate(text.split("\n")))))
versions("mail.eml", lambda path, text: write(path, "From: a@example.org\nTo: b@example.org\nSubject: text\n\n" + text))
versions("key.pem", lambda path, text: write(path, "-----BEGIN CERTIFICATE-----\n" + "\n".join(__import__("base64").encodebytes(text.encode()).decode().split("\n")) + "-----END CERTIFICATE-----\n"))


# --- systems' own
def evtx(path, text):
    import zlib
    chunks, number, rng = [], 0, random.Random(path.split(".older")[0])
    for index in range(6):
        left, body = text[index * 40_000:index * 40_000 + 60_000].encode(), b""
        while left:
            number += 1
            taken = rng.randint(400, 1500)
            part, left = left[:taken], left[taken:]
            size = (len(part) + 28 + 7) // 8 * 8
            record = (b"**\0\0" + struct.pack("<IQQ", size, number, 133_000_000_000_000_000 + number) + part).ljust(size - 4, b"\0")
            if len(body) + size > 65_000:
                break
            body += record + struct.pack("<I", size)
        end = 512 + len(body)
        start = b"ElfChnk\0".ljust(40, b"\1") + struct.pack("<IIII", 128, 512, end, zlib.crc32(body))
        start = start.ljust(120, b"\0")
        tables = bytes(384)
        chunks.append((start + b"\0\0\0\0" + struct.pack("<I", zlib.crc32(start + tables)) + tables + body).ljust(65536, b"\0"))
    header = (b"ElfFile\0" + struct.pack("<QQQIHHHH", 0, 5, 6, 128, 1, 3, 4096, 6)).ljust(120, b"\0")
    header += struct.pack("<II", 0, zlib.crc32(header))
    write(path, header.ljust(4096, b"\0") + b"".join(chunks))
versions("System.evtx", evtx)


def hive(path, text):
    bins = b""
    data = text.encode()
    for index in range(40):
        body = data[index * 5000:index * 5000 + 4000]
        cell = struct.pack("<i", -(4096 - 32)) + body.ljust(4096 - 36, b"\0")
        bins += (b"hbin" + struct.pack("<II", index * 4096, 4096)).ljust(32, b"\0") + cell
    base = (b"regf" + struct.pack("<IIQIIIIIII", 1, 1, 0, 1, 5, 0, 1, 32, len(bins), 1)).ljust(508, b"\0")
    total = 0
    for word, in struct.iter_unpack("<I", base):
        total ^= word
    write(path, (base + struct.pack("<I", total)).ljust(4096, b"\0") + bins)
versions("NTUSER.DAT", hive)

versions("disk.vhdx", by_tool("vhdx", "qemu-img", "convert", "-O", "vhdx", "IN", "OUT", source="input.raw", content=lambda text: text.encode().ljust(1 << 20, b"\0")))

def e01(path, text):
    write("input.raw", text.encode().ljust(1 << 19, b"\0"))
    for name in ("out.E01", "out.e01"):
        if os.path.exists(name):
            os.remove(name)
    run("ewfacquire", "-u", "-t", "out", "-c", "deflate:fast", "-f", "encase6", "input.raw")
    os.replace("out.E01", path)
versions("image.e01", e01)

for name, source in (("program", "/bin/ls"), ("library.so", "/lib/x86_64-linux-gnu/libc.so.6")):
    def program(path, text, source=source):
        content = bytearray(open(source, "rb").read()[:])
        if path.endswith(".older"):
            middle = len(content) // 2
            content[middle:middle + 20_000] = noise(path, 20_000)
        write(path, bytes(content))
    versions(name, program)

for name in os.listdir("."):
    if name.startswith(("input.", "tool-out.", "out.", "work.db")):
        os.remove(name)
kinds = [name for name in os.listdir(".") if not name.endswith(".older")]
print(f"{len(kinds)} kinds made, {len(missing)} not")
for line in missing:
    print("not made:", line)

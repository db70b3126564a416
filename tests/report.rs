//! The report: one page that nothing reaches, whatever the evidence says, that reads well for everybody, and stays small.

#[path = "../benches/generator/mod.rs"]
mod generator;
mod tool;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use sha2::{Digest, Sha256};

fn run(name: &str, arguments: &[&str]) -> Output {
    Command::new(tool::program(name)).args(arguments).output().unwrap()
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn has(programs: &[&str]) -> bool {
    let is_there =
        |program: &&str| Command::new("which").arg(program).output().is_ok_and(|found| found.status.success());
    let missing: Vec<_> = programs.iter().filter(|program| !is_there(program)).collect();
    if !missing.is_empty() {
        eprintln!("skipped (1 test): {missing:?} is missing");
    }
    missing.is_empty()
}

/// The report that a tool makes of an image.
fn report(tool: &str, image: &str, options: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (page, out) = (path("report.html"), path("out"));
    let own: &[&str] = if tool == "recover" { &["-d", &out] } else { &["-o", &out] };
    let output = run(tool, &[&[image, "-q", "--report", &page], own, options].concat());
    assert!(output.status.success(), "{}", message(&output));
    fs::read_to_string(page).unwrap()
}

/// What stands between two marks.
fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start}"));
    rest.split_once(end).unwrap_or_else(|| panic!("no {end}")).0
}

fn testdata(name: &str) -> String {
    tool::repository("testdata").join(name).to_str().unwrap().to_owned()
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let value = chunk.iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for index in 0..4 {
            let is_there = index <= chunk.len();
            text.push(if is_there { BASE64[(value >> (18 - 6 * index) & 63) as usize] as char } else { '=' });
        }
    }
    text
}

/// Nothing in a page but its own script and style, which the policy names by their hashes.
fn assert_sealed(page: &str) {
    let policy = between(page, "Content-Security-Policy\" content=\"", "\"");
    let hash = |text: &str| format!("'sha256-{}'", base64(&Sha256::digest(text.as_bytes())));
    let (style, script) = (between(page, "<style>", "</style>"), between(page, "<script>", "</script>"));
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'",
            hash(script),
            hash(style)
        )
    );
    assert_eq!((page.matches("<script").count(), page.matches("<style").count()), (1, 1));
    let rest = page.replace(script, "").replace(style, "").to_lowercase();
    for forbidden in [
        "http://",
        "https://",
        "<img",
        "<iframe",
        "<link",
        "<object",
        "<base",
        " onerror=",
        " onload=",
        " style=",
        "javascript:",
    ] {
        // Text of the evidence may have it; a tag may not.
        let in_tags = rest.split('<').filter_map(|part| part.split('>').next()).any(|tag| {
            tag.contains(forbidden.trim_start_matches('<'))
                && (forbidden.starts_with('<') == tag.starts_with(forbidden.trim_start_matches('<')))
        });
        assert!(!in_tags, "{forbidden} in a tag");
    }
}

#[test]
fn a_report_is_sealed_and_says_what_the_manifest_says() {
    for image in ["deleted.img", "plain.img", "links_streams.img", "compressed_sparse.img"] {
        for tool in ["recover", "mft_dump"] {
            let page = report(tool, &testdata(image), &[]);
            assert_sealed(&page);
            assert!(page.contains(&format!("ntfs-salvage {tool}")) && page.contains(image));
            assert!(page.contains("SHA-256 of its first MiB"));
            let files = between(&page, "<pre id=\"files\" hidden>\n", "</pre>");
            assert!(files.lines().count() > 10, "{image}");
            assert!(files.lines().all(|line| line.split('\t').count() == 6), "{image}");
        }
    }
}

/// What `dd` gives by the page's own command is the file.
#[test]
fn the_example_of_a_report_derives_the_file() {
    let page = report("recover", &testdata("plain.img"), &[]);
    let example = between(&page, "<pre>", "</pre>").replace("&#38;", "&").replace("&#39;", "'").replace("&amp;", "&");
    let (commands, hash) = example.rsplit_once('\n').unwrap();
    if !has(&["dd", "sha256sum", "sh"]) {
        return;
    }
    let output = Command::new("sh").args(["-c", commands]).output().unwrap();
    let derived = String::from_utf8_lossy(&output.stdout);
    assert_eq!(derived.split_whitespace().next(), Some(hash), "{commands}: {}", message(&output));
}

#[test]
fn a_report_that_exists_is_not_overwritten_and_one_that_fails_does_not_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("there"), "kept").unwrap();
    fs::write(path("blank"), vec![0; 1 << 16]).unwrap();
    let image = testdata("plain.img");
    for (input, report, expected) in [
        (&image, "there", "exists, and nothing is overwritten"),
        (&image, "no/such/folder", "cannot write"),
        (&path("blank"), "new", "no NTFS volume"),
    ] {
        for tool in ["mft_dump", "recover"] {
            let out = path(&format!("out-{tool}-{report}").replace('/', "-"));
            let own: &[&str] = if tool == "recover" { &["-d", &out] } else { &[] };
            let output = run(tool, &[&[input.as_str(), "-q", "--report", &path(report)], own].concat());
            assert_eq!(output.status.code(), Some(1));
            assert!(
                message(&output).contains(expected) && message(&output).lines().count() == 1,
                "{}",
                message(&output)
            );
        }
    }
    assert_eq!(fs::read_to_string(path("there")).unwrap(), "kept");
    assert!(!Path::new(&path("new")).exists());
    // The evidence itself is no place for one.
    fs::copy(&image, path("copy")).unwrap();
    let output = run("mft_dump", &[&path("copy"), "-q", "--report", &path("copy")]);
    assert!(message(&output).contains("nothing is written on the evidence"), "{}", message(&output));
}

#[test]
fn a_hundred_thousand_files_take_eight_mebibytes() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("MFT");
    let mut file = std::io::BufWriter::new(fs::File::create(&table).unwrap());
    generator::Table { seed: 5, records: 110_000, script: generator::Script::Latin }.write_to(&mut file).unwrap();
    std::io::Write::flush(&mut file).unwrap();
    let page = report("mft_dump", table.to_str().unwrap(), &[]);
    let files = between(&page, "<pre id=\"files\" hidden>\n", "</pre>").lines().count();
    println!("{files} files: {} bytes", page.len());
    assert!(files >= 95_000, "{files}");
    assert!(page.len() / (files / 1000) <= (8 << 20) / 100, "{} bytes for {files} files", page.len());
    assert_sealed(&page);
}

// ------------------------------------------------------------------------------------------ for everybody

/// Contrast of two colours as WCAG 2 has it.
fn contrast(one: &str, other: &str) -> f64 {
    let luminance = |colour: &str| {
        let part = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn text_and_map_have_contrast_in_light_dark_and_print() {
    let style = fs::read_to_string(tool::repository("examples/tools/templates/report.css")).unwrap();
    let palettes = style.split(":root {").skip(1).map(|part| part.split_once('}').unwrap().0);
    let palettes: Vec<BTreeMap<_, _>> = palettes
        .map(|part| part.split(';').filter_map(|line| line.trim().strip_prefix("--")?.split_once(": ")).collect())
        .collect();
    assert_eq!(palettes.len(), 3);
    for palette in palettes {
        for ground in ["page", "panel"] {
            for text in ["ink", "quiet", "link", "mark"] {
                let found = contrast(palette[text], palette[ground]);
                assert!(found >= 4.5, "{text} on {ground}: {found:.2}");
            }
        }
        // What is bad stands out from what is not; every colour of the legend from the ground it lies on.
        for kind in ["table", "indexes", "live", "deleted", "unclaimed", "unread", "damaged"] {
            let found = contrast(palette[kind], palette["free"]);
            assert!(found >= 2.0, "{kind} on free: {found:.2}");
            assert!(contrast(palette[kind], palette["page"]) >= 2.0, "{kind} on the page");
        }
    }
}

#[test]
fn everything_has_a_label() {
    let page = report("recover", &testdata("deleted.img"), &[]);
    assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">") && page.contains("<title>"));
    assert!(page.contains("name=\"viewport\"") && page.contains("<main id=\"main\">"));
    let tags: Vec<&str> = page.split('<').skip(1).map(|part| part.split('>').next().unwrap()).collect();
    let attribute =
        |tag: &str, name: &str| Some(tag.split_once(&format!("{name}=\""))?.1.split('"').next()?.to_owned());
    let ids: Vec<String> = tags.iter().filter_map(|tag| attribute(tag, " id")).collect();
    let mut unique = ids.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), ids.len(), "an id is given twice");
    let labels: Vec<String> =
        tags.iter().filter(|tag| tag.starts_with("label ")).filter_map(|tag| attribute(tag, "for")).collect();
    for tag in tags.iter().filter(|tag| tag.starts_with("input ") || tag.starts_with("select ")) {
        assert!(labels.contains(&attribute(tag, " id").unwrap()), "{tag} has no label");
    }
    for name in ["aria-labelledby", "for"] {
        for wanted in tags.iter().filter_map(|tag| attribute(tag, name)) {
            assert!(wanted.split(' ').all(|id| ids.iter().any(|known| known == id)), "{name}={wanted}");
        }
    }
    for link in tags.iter().filter_map(|tag| attribute(tag, "href")) {
        assert!(link.strip_prefix('#').is_some_and(|id| ids.iter().any(|known| known == id)), "{link}");
    }
    assert_eq!(page.matches("<table").count(), page.matches("<caption>").count());
    for tag in tags.iter().filter(|tag| tag.starts_with("th ") || **tag == "th") {
        assert!(tag.contains("scope="), "{tag}");
    }
    for tag in tags.iter().filter(|tag| tag.starts_with("svg")) {
        assert!(tag.contains("role=\"img\" aria-labelledby") || tag.contains("aria-hidden=\"true\""), "{tag}");
    }
    let levels = tags.iter().filter_map(|tag| tag.strip_prefix('h')?.chars().next()?.to_digit(10));
    let levels: Vec<u32> = levels.collect();
    assert_eq!(levels[0], 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "a heading is left out: {levels:?}");
}

// ------------------------------------------------------------------------------------------ in a browser

/// The page after its script has run.
fn in_browser(page: &Path, fragment: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}#{fragment}", page.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", message(&output));
    let errors: Vec<_> = message(&output).lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
    assert!(errors.is_empty(), "{errors:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_browser_filters_and_sorts_and_hostile_names_are_text() {
    if !has(&["chromium", "mkntfs", "ntfs-3g"]) || !Path::new("/dev/fuse").exists() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (image, mount, page) = (path("hostile.img"), path("mount"), path("report.html"));
    fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
    fs::create_dir(&mount).unwrap();
    assert!(Command::new("mkntfs").args(["-qFf", &image]).status().unwrap().success());
    assert!(Command::new("ntfs-3g").args([&image, &mount]).status().unwrap().success());
    let names = [
        "<script>document.title='gone'<!--",
        "\"><img src=x onerror=alert(1)>.txt",
        "a&lt;b&#39;c.txt",
        "tab\there.txt",
        "line\nbreak.txt",
        "\u{202e}gpj.exe",
        "<pre id=\"rows\">",
    ];
    for (number, name) in names.iter().enumerate() {
        // A name with a slash in it cannot be made.
        fs::write(format!("{mount}/{name}"), vec![1; 100 + number]).unwrap();
    }
    assert!(Command::new("umount").arg(&mount).status().unwrap().success());
    let output = run("recover", &[&image, "-q", "-d", &path("out"), "--report", &page]);
    assert!(output.status.success(), "{}", message(&output));
    assert_sealed(&fs::read_to_string(&page).unwrap());
    let shown = in_browser(Path::new(&page), "sort=size&order=down");
    assert!(shown.contains("<title>Report on"), "a name has become a script");
    let rows = between(&shown, "<tbody id=\"rows\">", "</tbody>");
    let cells: Vec<&str> =
        rows.split("<td class=\"path\">").skip(1).map(|part| part.split("</td>").next().unwrap()).collect();
    assert_eq!(
        cells,
        [
            "/&lt;pre id=\"rows\"&gt;",
            "/\\u202egpj.exe",
            "/line\\u000abreak.txt",
            "/tab\\u0009here.txt",
            "/a&amp;lt;b&amp;#39;c.txt",
            "/\"&gt;&lt;img src=x onerror=alert(1)&gt;.txt",
            "/&lt;script&gt;document.title='gone'&lt;!--",
        ]
    );
    let shown = in_browser(Path::new(&page), "filter=TXT&verdict=intact&state=live");
    assert!(shown.contains("1 to 4 of 4 (7 in all)"), "{}", between(&shown, "<p id=\"count\"", "</p>"));
    let shown = in_browser(Path::new(&page), "filter=nothing%20like%20this&sort=constructor");
    assert!(shown.contains("No file fits."));
}

//! Loads the page of a comparison in a real browser, at the width of a telephone and of a desktop, in light and dark mode.

mod sample;

use std::{
    fs,
    path::Path,
    process::{Command, ExitCode},
};

use chat_measure::{
    BeforeRepair, Condition, Contestant, Cpu, Figures, Link, Report, Round, Setting, Stalls, TimeSlot, Wire,
    WireCounts, page,
};
use chat_testkit::needs::{Need, run};
use serde_json::Value;
use tempfile::TempDir;

fn main() -> ExitCode {
    run(chat_testkit::trials! {
        &[Need::Tool("chromium"), Need::Tool("timeout")] => {
            a_browser_shows_it_without_complaint,
            a_browser_complains_of_what_is_wrong,
        }
    })
}

fn a_browser_shows_it_without_complaint() {
    for (scheme, paper) in [(DARK, "rgb(20, 22, 26)"), (LIGHT, "rgb(255, 255, 255)")] {
        let seen = Seen::of(&page(&sample::report(3)), scheme);
        assert_eq!(seen.complaints, "", "{scheme}");
        for (view, width) in [(&seen.phone, 360), (&seen.desk, 1280)] {
            assert_eq!(view["width"], width, "{scheme}: the view is as wide as it should be: {view}");
            assert_eq!(view["scrolls_to"], width, "{scheme}: nothing sticks out at the side: {view}");
            assert_eq!(view["plots"], 12, "{scheme} {width}");
            assert_eq!(view["rows"], 3 * 4, "{scheme} {width}: a row for each contestant and condition");
            assert_eq!(view["titles"], 12, "{scheme} {width}: each plot has a title to be read aloud");
            assert_eq!(view["paper"], paper, "{scheme} {width}");
            assert_eq!(view["cut"], serde_json::json!([]), "{scheme} {width}: words that are cut off");
            assert_eq!(view["covered"], serde_json::json!([]), "{scheme} {width}: words on top of others");
            let smallest = view["smallest"].as_f64().expect("there is text in plots");
            assert!(
                smallest >= 11.0,
                "{scheme} {width}: plots can be read, but there is text of {smallest} px"
            );
            let contrast = view["contrast"].as_f64().expect("there are lines in plots");
            assert!(
                contrast >= 3.0,
                "{scheme} {width}: lines can be seen, but one has a contrast of {contrast}"
            );
        }
        assert_eq!(seen.phone["columns"], 1, "on a telephone plots are one below the other");
        assert_eq!(seen.desk["columns"], 2, "on a desk next to each other");
    }
}

/// Each fault that the test above looks for is found when it is put in. The page's own policy forbids scripts and images,
/// so the browser reports each of them.
fn a_browser_complains_of_what_is_wrong() {
    let page = page(&sample::report(3));
    let with = |what: &str| Seen::of(&page.replace("</main>", &format!("{what}</main>")), LIGHT);
    for what in ["<img src='missing.png'>", "<script>alert(1)</script>", "<b onclick='alert(1)'>b</b>"] {
        let complaints = with(what).complaints;
        assert!(complaints.contains("violates"), "{what}: {complaints}");
    }
    let wide = with("<hr width='500'>");
    assert_eq!((&wide.phone["scrolls_to"], &wide.desk["scrolls_to"]), (&516.into(), &1280.into()));
    let texts = "<text x='90' y='10'>cut off</text><text x='85' y='10'>too</text>";
    let cut = with(&format!("<svg role='img' viewBox='0 0 100 20'>{texts}</svg>"));
    assert_eq!(cut.phone["cut"].as_array().map(Vec::len), Some(2), "{}", cut.phone);
    assert_eq!(cut.phone["covered"].as_array().map(Vec::len), Some(1), "{}", cut.phone);
    assert!(cut.desk["titles"] != cut.desk["plots"], "a plot without a title is found");
}

/// What a browser shows of a page.
struct Seen {
    /// The messages on the browser's console.
    complaints: String,
    phone: Value,
    desk: Value,
}

impl Seen {
    /// Loads the page in two frames of another page, whose script examines both frames once they are loaded.
    fn of(page: &str, scheme: &str) -> Seen {
        let folder = TempDir::new().expect("a temporary directory can be made");
        let framed = page.replace('&', "&amp;").replace('"', "&quot;");
        let frame = |width| {
            format!("<iframe style=\"width:{width}px;height:800px;border:0\" srcdoc=\"{framed}\"></iframe>")
        };
        let outer =
            format!("<!DOCTYPE html><title></title>{}{}<script>{LOOK}</script>", frame(360), frame(1280));
        let file = folder.path().join("frames.html");
        fs::write(&file, outer).expect("it can be written");
        let (dom, complaints) = browse(&file, folder.path(), scheme);
        let title =
            dom.split("<title>").nth(1).and_then(|it| it.split("</title>").next()).unwrap_or_default();
        let seen: Value =
            serde_json::from_str(title).unwrap_or_else(|why| panic!("{why}: {title:?}\n{complaints}"));
        Seen { complaints, phone: seen[0].clone(), desk: seen[1].clone() }
    }
}

/// The document after loading, and the messages on the browser's console.
fn browse(file: &Path, folder: &Path, scheme: &str) -> (String, String) {
    let output = Command::new("timeout")
        .args(["--kill-after=5", DEADLINE, "chromium", "--headless=new", "--no-sandbox", "--disable-gpu"])
        .args([
            "--hide-scrollbars",
            "--enable-logging=stderr",
            "--dump-dom",
            "--window-size=1400,1700",
            scheme,
        ])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", file.display()))
        .output()
        .expect("timeout can be run");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0) => {}
        Some(124 | 137) => panic!("the browser was not done after {DEADLINE} s: {said}"),
        _ => panic!("the browser failed: {:?}: {said}", output.status),
    }
    let complaints = said.lines().filter(|it| it.contains(":CONSOLE")).collect::<Vec<_>>().join("\n");
    (String::from_utf8_lossy(&output.stdout).into_owned(), complaints)
}

/// A script that writes its observations of each frame into the title of the outer page.
const LOOK: &str = r##"
const light = (colour) => {
    const [r, g, b] = colour.match(/\d+/g).map(it => it / 255)
        .map(it => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
};
const look = (frame) => {
    const view = frame.contentWindow, page = frame.contentDocument;
    const all = (what) => [...page.querySelectorAll(what)];
    const style = (it) => view.getComputedStyle(it);
    const cut = [], covered = [], sizes = [];
    for (const plot of all("svg[role=img]")) {
        const edge = plot.getBoundingClientRect();
        const texts = [...plot.querySelectorAll("text")].map(it => [it.textContent.trim(), it.getBoundingClientRect()]);
        texts.forEach(([text, box], at) => {
            if (box.left < edge.left - 1 || box.right > edge.right + 1 || box.bottom > edge.bottom + 6) cut.push(text);
            for (const [other, its] of texts.slice(at + 1)) {
                const across = Math.min(box.right, its.right) - Math.max(box.left, its.left);
                const down = Math.min(box.bottom, its.bottom) - Math.max(box.top, its.top);
                if (across > 0 && down > box.height / 2) covered.push(text + " / " + other);
            }
        });
        const scale = edge.width / plot.viewBox.baseVal.width;
        for (const it of plot.querySelectorAll("text[font-size]")) sizes.push(it.getAttribute("font-size") * scale);
    }
    const paper = style(page.body).backgroundColor;
    const contrasts = all("svg.key polyline").map(it => light(style(it).stroke) / light(paper));
    return {
        width: view.innerWidth,
        scrolls_to: page.documentElement.scrollWidth,
        plots: all("svg[role=img]").length,
        titles: all("svg[role=img] > title:first-child").length,
        rows: all("thead + tbody > tr").length,
        columns: style(page.querySelector(".charts")).gridTemplateColumns.split(" ").length,
        paper, cut, covered,
        smallest: Math.min(...sizes),
        contrast: Math.min(...contrasts.map(it => Math.max(it, 1 / it))),
    };
};
const frames = [...document.querySelectorAll("iframe")];
onload = () => document.title = JSON.stringify(frames.map(look));
"##;
const LIGHT: &str = "--blink-settings=preferredColorScheme=1";
const DARK: &str = "--blink-settings=preferredColorScheme=0";
/// In seconds; long enough for a busy machine.
const DEADLINE: &str = "120";

//! The pictures as a reader sees them: rendered to pixels, on a light and on a dark screen.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use walkdir::WalkDir;

use crate::charts::{Text, attribute, texts};

/// Renders SVG. `.ci/run` installs it.
const RENDERER: &str = "rsvg-convert";

/// The style sheet of a dark screen, in a condition that the renderer does not know.
const ON_DARK: [&str; 2] = ["@media screen and (prefers-color-scheme:dark){", "}}</style>"];

/// A picture of the snapshots or the documents, on one of the two screens.
struct Shown {
    name: String,
    svg: String,
}

struct Pixels {
    width: usize,
    /// Red, green and blue, row by row.
    colours: Vec<[u8; 3]>,
}

/// Every picture on a light screen, and on a dark one; none where nothing renders them.
fn pictures() -> Vec<[Shown; 2]> {
    if Command::new(RENDERER).arg("--version").output().is_err() {
        // Not by a macro: what a passed test prints is hidden.
        let _ = writeln!(io::stderr(), "NOT CHECKED: no pixels of pictures without {RENDERER}");
        return Vec::new();
    }
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [package.join("tests/snapshots"), package.join("../docs")];
    let files = folders.iter().flat_map(WalkDir::new).map(|entry| entry.unwrap().into_path());
    let pictures = files.filter(|path| path.extension().is_some_and(|kind| kind == "svg"));
    let both = pictures.map(|path| {
        let light = fs::read_to_string(&path).unwrap();
        let [condition, end] = ON_DARK;
        let dark = light.replacen(condition, "", 1).replacen(end, "}</style>", 1);
        assert_eq!(dark.len() + condition.len() + 1, light.len(), "{}", path.display());
        let name = path.file_name().unwrap().to_string_lossy();
        [("light", light), ("dark", dark)]
            .map(|(screen, svg)| Shown { name: format!("{name}, {screen}"), svg })
    });
    let both: Vec<_> = both.collect();
    assert!(both.len() > 5, "only {} pictures were found", both.len());
    both
}

impl Shown {
    /// The picture without its marks: the texts on their page.
    fn without_marks(&self) -> Self {
        let is_mark = |line: &&str| line.starts_with("<path ") || line.starts_with("<circle ");
        let lines = self.svg.lines().filter(|line| !is_mark(line));
        Self { name: self.name.clone(), svg: lines.collect::<Vec<_>>().join("\n") }
    }

    fn pixels(&self) -> Pixels {
        let mut renderer = Command::new(RENDERER);
        renderer.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut renderer = renderer.spawn().unwrap();
        renderer.stdin.take().unwrap().write_all(self.svg.as_bytes()).unwrap();
        let png = renderer.wait_with_output().unwrap();
        assert!(png.status.success(), "{}", self.name);
        let header = minipng::decode_png_header(&png.stdout).unwrap();
        let mut buffer = vec![0; header.required_bytes_rgba8bpc()];
        let mut image = minipng::decode_png(&png.stdout, &mut buffer).unwrap();
        image.convert_to_rgba8bpc().unwrap();
        let colours = image.pixels().chunks(4).map(|pixel| [pixel[0], pixel[1], pixel[2]]);
        Pixels { width: image.width() as usize, colours: colours.collect() }
    }
}

impl Pixels {
    /// The colour of the corner.
    fn page(&self) -> [u8; 3] {
        self.colours[0]
    }

    fn height(&self) -> usize {
        self.colours.len() / self.width
    }

    /// Each pixel that is not the page, with its place. Where the rim of a text meets the page, mixing the two may be a
    /// shade off.
    fn drawn(&self) -> impl Iterator<Item = ([f64; 2], [u8; 3])> {
        let page = self.page();
        let differs =
            move |colour: &[u8; 3]| colour.iter().zip(page).any(|(of, page)| of.abs_diff(page) > 3);
        let all = self.colours.iter().enumerate().filter(move |(_, colour)| differs(colour));
        all.map(|(at, colour)| ([(at % self.width) as f64, (at / self.width) as f64], *colour))
    }
}

/// How much a colour stands out from another, from 1 to 21 (Web Content Accessibility Guidelines 2.2).
fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    // Most of a picture is its page.
    if one == other {
        return 1.0;
    }
    let luminance = |colour: [u8; 3]| {
        let [red, green, blue] = colour.map(|of| match f64::from(of) / 255.0 {
            dark if dark <= 0.04045 => dark / 12.92,
            light => ((light + 0.055) / 1.055).powf(2.4),
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05
    };
    let [one, other] = [one, other].map(luminance);
    one.max(other) / one.min(other)
}

#[test]
fn every_picture_is_drawn_whole_within_its_edge() {
    for shown in pictures().iter().flatten() {
        let pixels = shown.pixels();
        let root = shown.svg.lines().next().unwrap();
        let size = ["width", "height"].map(|name| attribute(root, name).unwrap());
        let [width, height] = [pixels.width, pixels.height()].map(|size| size as f64);
        assert!((size[0] - width).abs() < 1.0 && (size[1] - height).abs() < 1.0, "{}", shown.name);
        let share = pixels.drawn().count() as f64 / (width * height);
        assert!((0.01..0.9).contains(&share), "{}: {share} is drawn", shown.name);
        for ([x, y], _) in pixels.drawn() {
            let inside = x >= 3.0 && y >= 3.0 && x < width - 3.0 && y < height - 3.0;
            assert!(inside, "{}: something is at {x}, {y}", shown.name);
        }
    }
}

/// The boxes of the texts do not meet and are inside the picture, which the tests of the charts check.
#[test]
fn every_text_can_be_read_and_stays_in_its_box() {
    for shown in pictures().iter().flatten() {
        let pixels = shown.without_marks().pixels();
        let texts = texts(&shown.svg);
        let mut clearest = vec![1.0_f64; texts.len()];
        for (place, colour) in pixels.drawn() {
            let of = texts.iter().position(|text| is_in(place, text));
            let Some(of) = of else { panic!("{}: a text reaches to {place:?}", shown.name) };
            clearest[of] = clearest[of].max(contrast(colour, pixels.page()));
        }
        for (text, clearest) in texts.iter().zip(clearest) {
            // Thin strokes are mixed with the page: of a contrast of 4.5, small text keeps about as much as this.
            let is_clear = text.said.is_empty() || clearest >= 3.0;
            assert!(is_clear, "{}: contrast {clearest} of {text:?}", shown.name);
        }
    }
}

/// Within a pixel.
fn is_in([x, y]: [f64; 2], text: &Text) -> bool {
    let ([left, right], [top, bottom]) = (text.across, text.down);
    x >= left - 2.0 && x <= right + 1.0 && y >= top - 2.0 && y <= bottom + 1.0
}

#[test]
fn a_dark_screen_shows_what_a_light_one_shows() {
    for [light, dark] in pictures() {
        let [on_light, on_dark] = [&light, &dark].map(Shown::pixels);
        let [white, black] = [&on_light, &on_dark].map(Pixels::page);
        assert!(contrast(white, black) > 15.0, "{}: {white:?}, {black:?}", light.name);
        let both = on_light.colours.iter().zip(&on_dark.colours);
        for (at, (one, other)) in both.enumerate() {
            let [one, other] = [contrast(*one, white), contrast(*other, black)];
            let gone = (one > 3.0 && other < 1.3) || (other > 3.0 && one < 1.3);
            assert!(!gone, "{}: pixel {at} has contrast {one}, and {other} on dark", light.name);
        }
    }
}

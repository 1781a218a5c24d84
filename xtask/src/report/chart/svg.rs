//! A picture in SVG that needs nothing but itself: no font, script or link from elsewhere.
//!
//! Colours are Okabe and Ito's, which colour-blind readers distinguish ("Color Universal Design", 2008); no meaning
//! hangs on colour alone. The light colours are attributes, for renderers without style sheets; the dark ones a style
//! sheet, which overrides them on a dark screen. A background of its own keeps the picture readable on any page.

use std::fmt::Write as _;

use crate::report::words;

/// The free space around a picture, in pixels.
pub const PAD: f64 = 32.0;
/// The smallest distance of a text from the edge.
const EDGE: f64 = 4.0;
/// No coordinate is beyond it, whatever the input.
const FARTHEST: f64 = 1e5;
const FONTS: &str = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif";

/// A colour by its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// The background.
    Page,
    /// Text that matters, and lines of the same weight.
    Text,
    /// Text beside it.
    Soft,
    /// Lines that only guide the eye.
    Grid,
    /// An area behind the marks.
    Band,
    /// Our own figures.
    Ours,
    /// The competitor's figures, limits and warnings.
    Theirs,
}

impl Ink {
    const ALL: [Self; 7] = [
        Self::Page,
        Self::Text,
        Self::Soft,
        Self::Grid,
        Self::Band,
        Self::Ours,
        Self::Theirs,
    ];

    /// Its class, and its colour on a light and on a dark page.
    fn row(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Page => ("page", "#ffffff", "#0f141a"),
            Self::Text => ("text", "#1b1f24", "#e8edf2"),
            Self::Soft => ("soft", "#57606a", "#a3adb8"),
            Self::Grid => ("grid", "#d5dae0", "#323b45"),
            Self::Band => ("band", "#eef1f4", "#1d252e"),
            Self::Ours => ("ours", "#0072b2", "#56b4e9"),
            Self::Theirs => ("theirs", "#d55e00", "#e69f00"),
        }
    }
}

/// The inside and the outline of a mark.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    fill: Option<Ink>,
    stroke: Option<(Ink, f64)>,
    dashes: Option<&'static str>,
    hatched: bool,
}

impl Paint {
    /// An inside without an outline.
    pub fn fill(ink: Ink) -> Self {
        Self {
            fill: Some(ink),
            stroke: None,
            dashes: None,
            hatched: false,
        }
    }

    /// An outline of this width in pixels, without an inside.
    pub fn stroke(ink: Ink, width: f64) -> Self {
        Self {
            fill: None,
            stroke: Some((ink, width)),
            ..Self::fill(ink)
        }
    }

    /// Slanted lines instead of an even inside.
    pub fn hatched() -> Self {
        Self {
            hatched: true,
            fill: None,
            ..Self::fill(Ink::Soft)
        }
    }

    /// With this inside.
    pub fn filled(self, ink: Ink) -> Self {
        Self {
            fill: Some(ink),
            ..self
        }
    }

    /// With an outline of dashes.
    pub fn dashed(self) -> Self {
        Self {
            dashes: Some("5 4"),
            ..self
        }
    }

    fn attributes(self) -> String {
        let mut classes = Vec::new();
        let mut attributes = match (self.hatched, self.fill.map(Ink::row)) {
            (true, _) => r#"fill="url(#hatch)""#.to_owned(),
            (false, None) => r#"fill="none""#.to_owned(),
            (false, Some((class, light, _))) => {
                classes.push(format!("f-{class}"));
                format!(r#"fill="{light}""#)
            }
        };
        if let Some((ink, width)) = self.stroke {
            let (class, light, _) = ink.row();
            classes.push(format!("s-{class}"));
            attributes += &format!(r#" stroke="{light}" stroke-width="{}""#, size(width));
        }
        if let Some(dashes) = self.dashes {
            attributes += &format!(r#" stroke-dasharray="{dashes}""#);
        }
        format!(r#"class="{}" {attributes}"#, classes.join(" "))
    }
}

/// The point of a text that its place is given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// The looks of a text.
#[derive(Debug, Clone, Copy)]
pub struct Font {
    size: f64,
    ink: Ink,
    anchor: Anchor,
    bold: bool,
}

impl Font {
    /// `size` in pixels.
    pub fn new(size: f64, ink: Ink) -> Self {
        Self {
            size,
            ink,
            anchor: Anchor::Start,
            bold: false,
        }
    }

    pub fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub fn middle(self) -> Self {
        Self {
            anchor: Anchor::Middle,
            ..self
        }
    }

    pub fn end(self) -> Self {
        Self {
            anchor: Anchor::End,
            ..self
        }
    }

    /// The width of a text in pixels, at least as large as in the usual system fonts (DejaVu Sans is the widest).
    pub fn width(&self, text: &str) -> f64 {
        let of = |c: char| match c {
            'i' | 'j' | 'l' | '|' | '.' | ',' | ':' | ';' | '\'' | '!' | ' ' | 'I' => 0.36,
            'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' => 0.42,
            'm' | 'w' | 'M' | 'W' | '%' | '@' | '…' | '—' => 1.0,
            '+' | '=' | '<' | '>' | '±' | '×' | '~' => 0.84,
            'A'..='Z' | '&' | '←'..='⇿' => 0.8,
            c if c.is_ascii() => 0.64,
            _ => 1.0,
        };
        let weight = if self.bold { 1.1 } else { 1.0 };
        text.chars().map(of).sum::<f64>() * self.size * weight
    }

    /// A text from a file, in at most `width` pixels: its end left out if need be.
    pub fn fitted(&self, text: &str, width: f64) -> String {
        let mut text = neutral(text);
        if self.width(&text) > width {
            while !text.is_empty() && self.width(&text) + self.width("…") > width {
                text.pop();
            }
            text.truncate(text.trim_end().len());
            text.push('…');
        }
        text
    }

    /// A text in lines of at most `width` pixels, broken between words; at most `most` lines.
    pub fn wrapped(&self, text: &str, width: f64, most: usize) -> Vec<String> {
        let mut lines = vec![String::new()];
        let text = neutral(text);
        for word in text.split_whitespace() {
            let last = lines.len() == most;
            match lines.last_mut() {
                Some(line) if line.is_empty() => line.push_str(word),
                Some(line) if last || self.width(&format!("{line} {word}")) <= width => {
                    let _ = write!(line, " {word}");
                }
                _ => lines.push(word.to_owned()),
            }
        }
        lines.iter().map(|line| self.fitted(line, width)).collect()
    }
}

/// A place or a size in pixels, from the upper left corner.
pub type Xy = (f64, f64);

/// A picture as it is drawn.
#[derive(Debug)]
pub struct Svg {
    width: f64,
    body: String,
}

impl Svg {
    /// An empty picture of this width in pixels.
    pub fn new(width: f64) -> Self {
        Self {
            width: width.clamp(2.0 * PAD, FARTHEST),
            body: String::new(),
        }
    }

    pub fn line(&mut self, from: Xy, to: Xy, paint: Paint) {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(number);
        self.element(format_args!(
            r#"line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" {}"#,
            paint.attributes()
        ));
    }

    /// The rectangle between two corners.
    pub fn rect(&mut self, one: Xy, other: Xy, paint: Paint) {
        let [x, y] = [one.0.min(other.0), one.1.min(other.1)].map(number);
        let [width, height] = [(other.0 - one.0).abs(), (other.1 - one.1).abs()].map(size);
        self.element(format_args!(
            r#"rect x="{x}" y="{y}" width="{width}" height="{height}" {}"#,
            paint.attributes()
        ));
    }

    pub fn circle(&mut self, (x, y): Xy, radius: f64, paint: Paint) {
        self.element(format_args!(
            r#"circle cx="{}" cy="{}" r="{}" {}"#,
            number(x),
            number(y),
            size(radius),
            paint.attributes()
        ));
    }

    /// Straight lines from point to point; closed where the paint has an inside.
    pub fn path(&mut self, points: impl IntoIterator<Item = Xy>, paint: Paint) {
        let mut drawn = String::new();
        for (x, y) in points {
            let command = if drawn.is_empty() { 'M' } else { 'L' };
            let _ = write!(drawn, "{command}{} {}", number(x), number(y));
        }
        let end = if paint.fill.is_some() { "Z" } else { "" };
        self.element(format_args!(
            r#"path d="{drawn}{end}" stroke-linejoin="round" {}"#,
            paint.attributes()
        ));
    }

    /// A square on its corner, of this half width.
    pub fn diamond(&mut self, (x, y): Xy, half: f64, paint: Paint) {
        self.path(
            [(x - half, y), (x, y - half), (x + half, y), (x, y + half)],
            paint,
        );
    }

    /// A triangle that points along `(dx, dy)`, one of which is -1 or 1, the other 0.
    pub fn triangle(&mut self, (x, y): Xy, (dx, dy): Xy, half: f64, paint: Paint) {
        let along = |forth: f64, aside: f64| {
            let [forth, aside] = [forth * half, aside * half];
            (x + dx * forth - dy * aside, y + dy * forth + dx * aside)
        };
        self.path(
            [along(1.0, 0.0), along(-1.0, 1.0), along(-1.0, -1.0)],
            paint,
        );
    }

    /// A text on the baseline `y`, moved and cut so that none of it is outside the picture. A rim in the background's
    /// colour keeps it readable over lines.
    pub fn text(&mut self, (x, y): Xy, font: Font, text: &str) {
        let text = font.fitted(text, self.width - 2.0 * EDGE);
        let width = font.width(&text);
        let (name, left) = match font.anchor {
            Anchor::Start => ("start", 0.0),
            Anchor::Middle => ("middle", width / 2.0),
            Anchor::End => ("end", width),
        };
        let most = self.width - EDGE - (width - left);
        let weight = if font.bold {
            r#" font-weight="600""#
        } else {
            ""
        };
        let rim = Paint::stroke(Ink::Page, 4.0).filled(font.ink);
        let _ = writeln!(
            self.body,
            r#"<text x="{}" y="{}" font-size="{}" text-anchor="{name}"{weight} paint-order="stroke" {}>{}</text>"#,
            number(x.min(most).max(EDGE + left)),
            number(y),
            size(font.size),
            rim.attributes(),
            escaped(&text)
        );
    }

    /// The title in at most two lines and what stands below it; gives the `y` below both.
    pub fn heading(&mut self, title: &str, below: &[String]) -> f64 {
        let (bold, soft) = (
            Font::new(19.0, Ink::Text).bold(),
            Font::new(13.0, Ink::Soft),
        );
        let width = self.width - 2.0 * PAD;
        let mut y = PAD - 8.0;
        for line in bold.wrapped(title, width, 2) {
            y += 25.0;
            self.text((PAD, y), bold, &line);
        }
        y += 4.0;
        for line in below.iter().flat_map(|line| soft.wrapped(line, width, 2)) {
            y += 19.0;
            self.text((PAD, y), soft, &line);
        }
        y
    }

    /// The document. `title` and `description` are what a screen reader says.
    pub fn finish(self, height: f64, title: &str, description: &str) -> String {
        let (width, height) = (size(self.width), size(height));
        let dark: String = Ink::ALL
            .map(|ink| {
                let (class, _, dark) = ink.row();
                format!(".f-{class}{{fill:{dark}}}.s-{class}{{stroke:{dark}}}")
            })
            .concat();
        let (page, hatch) = (Paint::fill(Ink::Page), Paint::stroke(Ink::Soft, 1.0));
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title desc" font-family="{FONTS}">
<title id="title">{}</title>
<desc id="desc">{}</desc>
<style>text{{font-variant-numeric:tabular-nums}}@media screen and (prefers-color-scheme:dark){{{dark}}}</style>
<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="6" opacity="0.6" {}/></pattern></defs>
<rect width="{width}" height="{height}" {}/>
{}</svg>
"##,
            escaped(title),
            escaped(description),
            hatch.attributes(),
            page.attributes(),
            self.body
        )
    }

    fn element(&mut self, element: std::fmt::Arguments) {
        let _ = writeln!(self.body, "<{element}/>");
    }
}

/// A text without what would steer its reader: control characters, marks that turn its direction.
fn neutral(text: &str) -> String {
    words::printable(text).replace(['\u{61c}', '\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

fn escaped(text: &str) -> String {
    neutral(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A coordinate with one decimal.
fn number(value: f64) -> String {
    let finite = if value.is_finite() { value } else { 0.0 };
    // Adding 0 takes the sign off -0.
    let rounded = (finite.clamp(-FARTHEST, FARTHEST) * 10.0).round() / 10.0 + 0.0;
    words::trimmed(rounded, 1)
}

/// A length, never negative.
fn size(value: f64) -> String {
    number(value.max(0.0))
}

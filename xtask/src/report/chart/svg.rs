//! A picture in SVG that needs nothing but itself: no font, script or link from elsewhere.
//!
//! Colours are Okabe and Ito's, which colour-blind readers distinguish ("Color Universal Design", 2008); no meaning
//! hangs on colour alone. The light colours are attributes, for renderers without style sheets; the dark ones a style
//! sheet, which overrides them on a dark screen. A background of its own keeps the picture readable on any page.

use std::fmt::Write as _;

use crate::report::words;
use crate::term::text;

/// The free space around a picture, in pixels.
pub const PAD: f64 = 32.0;
/// The smallest distance of a text from the edge.
const EDGE: f64 = 4.0;
const FONTS: &str = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif";

/// A colour: its class, and what it is on a light and on a dark page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ink(&'static str, &'static str, &'static str);

impl Ink {
    /// The background.
    pub const PAGE: Self = Self("page", "#ffffff", "#0f141a");
    /// Text that matters, and lines of the same weight.
    pub const TEXT: Self = Self("text", "#1b1f24", "#e8edf2");
    /// Text beside it.
    pub const SOFT: Self = Self("soft", "#57606a", "#a3adb8");
    /// Lines that only guide the eye.
    pub const GRID: Self = Self("grid", "#d5dae0", "#323b45");
    /// An area behind the marks.
    pub const BAND: Self = Self("band", "#eef1f4", "#1d252e");
    /// Our own figures.
    pub const OURS: Self = Self("ours", "#0072b2", "#56b4e9");
    /// The competitor's figures, limits and warnings.
    pub const THEIRS: Self = Self("theirs", "#d55e00", "#e69f00");
    const NONE: Self = Self("none", "none", "none");

    #[rustfmt::skip]
    const ALL: [Self; 7] = [
        Self::PAGE, Self::TEXT, Self::SOFT, Self::GRID, Self::BAND, Self::OURS, Self::THEIRS,
    ];
}

/// The inside and the outline of a mark.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    fill: Option<Ink>,
    stroke: Option<(Ink, f64)>,
    dashed: bool,
}

/// A line that only guides the eye.
pub const GRID: Paint = Paint::stroke(Ink::GRID, 1.0);
/// An axis, or the line under the head of a table.
pub const RULE: Paint = Paint::stroke(Ink::SOFT, 1.0);
/// No change.
pub const ZERO: Paint = Paint::stroke(Ink::TEXT, 1.2);
/// What should not be crossed.
pub const LIMIT: Paint = Paint { dashed: true, ..Paint::stroke(Ink::THEIRS, 1.6) };

impl Paint {
    /// An inside without an outline.
    pub const fn fill(ink: Ink) -> Self {
        Self { fill: Some(ink), stroke: None, dashed: false }
    }

    /// An outline of this width in pixels, without an inside.
    pub const fn stroke(ink: Ink, width: f64) -> Self {
        Self { fill: None, stroke: Some((ink, width)), dashed: false }
    }

    /// With this inside.
    pub const fn filled(self, ink: Ink) -> Self {
        Self { fill: Some(ink), ..self }
    }

    fn attributes(self) -> String {
        let Ink(fill, light, _) = self.fill.unwrap_or(Ink::NONE);
        let mut attributes = format!(r#"fill="{light}""#);
        let mut classes = format!("f-{fill}");
        if let Some((Ink(class, light, _), width)) = self.stroke {
            classes += &format!(" s-{class}");
            attributes += &format!(r#" stroke="{light}" stroke-width="{}""#, number(width));
        }
        if self.dashed {
            attributes += r#" stroke-dasharray="5 4""#;
        }
        format!(r#"class="{classes}" {attributes}"#)
    }
}

/// The looks of a text.
#[derive(Debug, Clone, Copy)]
pub struct Font {
    size: f64,
    ink: Ink,
    bold: bool,
    /// The share of the text that is left of its place.
    left: f64,
}

/// The text of marks and tables.
pub const SMALL: Font = Font::new(12.0, Ink::TEXT);
/// The text of axes and legends.
pub const SOFT: Font = Font::new(12.0, Ink::SOFT);

impl Font {
    /// `size` in pixels.
    pub const fn new(size: f64, ink: Ink) -> Self {
        Self { size, ink, bold: false, left: 0.0 }
    }

    pub const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    /// Around its place instead of from it on.
    pub const fn middle(self) -> Self {
        Self { left: 0.5, ..self }
    }

    /// Up to its place.
    pub const fn end(self) -> Self {
        Self { left: 1.0, ..self }
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
        Self { width, body: String::new() }
    }

    /// A line at the height `y`.
    pub fn horizontal(&mut self, ends: [f64; 2], y: f64, paint: Paint) {
        self.path(ends.map(|x| (x, y)), paint);
    }

    /// A line at `x`.
    pub fn vertical(&mut self, x: f64, ends: [f64; 2], paint: Paint) {
        self.path(ends.map(|y| (x, y)), paint);
    }

    /// A line with a stroke of this half length across each end.
    pub fn whisker(&mut self, ends: [f64; 2], y: f64, half: f64, paint: Paint) {
        self.horizontal(ends, y, paint);
        for x in ends {
            self.vertical(x, [y - half, y + half], paint);
        }
    }

    /// The rectangle between two corners.
    pub fn rect(&mut self, [x1, x2]: [f64; 2], [y1, y2]: [f64; 2], paint: Paint) {
        self.path([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], paint);
    }

    pub fn circle(&mut self, (x, y): Xy, radius: f64, paint: Paint) {
        let [x, y, radius] = [number(x), number(y), number(radius)];
        let attributes = paint.attributes();
        let circle = format!(r#"<circle cx="{x}" cy="{y}" r="{radius}" {attributes}/>"#);
        let _ = writeln!(self.body, "{circle}");
    }

    /// Straight lines from point to point; closed where the paint has an inside.
    pub fn path(&mut self, points: impl IntoIterator<Item = Xy>, paint: Paint) {
        let mut drawn = String::new();
        for (x, y) in points {
            let command = if drawn.is_empty() { 'M' } else { 'L' };
            let _ = write!(drawn, "{command}{} {}", number(x), number(y));
        }
        let end = if paint.fill.is_some() { "Z" } else { "" };
        let attributes = paint.attributes();
        let _ = writeln!(self.body, r#"<path d="{drawn}{end}" {attributes}/>"#);
    }

    /// A square on its corner, of this half width.
    pub fn diamond(&mut self, (x, y): Xy, half: f64, paint: Paint) {
        self.path([(x - half, y), (x, y - half), (x + half, y), (x, y + half)], paint);
    }

    /// A text on the baseline `y`, moved and cut so that none of it is outside the picture. A rim in the background's
    /// colour keeps it readable over lines.
    pub fn text(&mut self, (x, y): Xy, font: Font, text: &str) {
        let text = font.fitted(text, self.width - 2.0 * EDGE);
        let width = font.width(&text);
        let left = EDGE + width * font.left;
        let right = self.width - EDGE - width * (1.0 - font.left);
        let anchor = match font.left {
            0.0 => "start",
            1.0 => "end",
            _ => "middle",
        };
        let weight = if font.bold { 600 } else { 400 };
        let rim = Paint::stroke(Ink::PAGE, 6.0).filled(font.ink);
        let _ = writeln!(
            self.body,
            r#"<text x="{}" y="{}" font-size="{}" text-anchor="{anchor}" font-weight="{weight}" paint-order="stroke" stroke-linejoin="round" {}>{}</text>"#,
            number(x.min(right).max(left)),
            number(y),
            number(font.size),
            rim.attributes(),
            escaped(&text)
        );
    }

    /// The title in at most three lines and what stands below it; gives the `y` below both.
    pub fn heading(&mut self, title: &str, below: &[String]) -> f64 {
        let width = self.width - 2.0 * PAD;
        let [large, small] = [18.0, 16.0].map(|size| Font::new(size, Ink::TEXT).bold());
        let font = if large.width(title) <= width { large } else { small };
        let mut y = PAD - 8.0;
        for line in font.wrapped(title, width, 3) {
            y += 24.0;
            self.text((PAD, y), font, &line);
        }
        y += 4.0;
        let soft = Font::new(13.0, Ink::SOFT);
        for line in below.iter().flat_map(|line| soft.wrapped(line, width, 2)) {
            y += 19.0;
            self.text((PAD, y), soft, &line);
        }
        y
    }

    /// The document. `title` and `description` are what a screen reader says.
    pub fn finish(self, height: f64, title: &str, description: &str) -> String {
        // A part of a pixel would be a line of another colour.
        let (width, height) = (number(self.width), number(height.ceil()));
        let dark = Ink::ALL.map(|Ink(class, _, dark)| {
            format!(".f-{class}{{fill:{dark}}}.s-{class}{{stroke:{dark}}}")
        });
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title desc" font-family="{FONTS}">
<title id="title">{}</title>
<desc id="desc">{}</desc>
<style>text{{font-variant-numeric:tabular-nums}}@media screen and (prefers-color-scheme:dark){{{}}}</style>
<rect width="{width}" height="{height}" {}/>
{}</svg>
"##,
            escaped(title),
            escaped(description),
            dark.concat(),
            Paint::fill(Ink::PAGE).attributes(),
            self.body
        )
    }
}

/// A text without what would steer its reader: control characters, marks that turn its direction.
fn neutral(text: &str) -> String {
    text::printable(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
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
    // Adding 0 takes the sign off -0.
    words::trimmed((value * 10.0).round() / 10.0 + 0.0, 1)
}

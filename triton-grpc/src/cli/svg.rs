//! A picture of a terminal, as SVG: for the README.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// Size of a character cell, in pixels; twice it is whole.
const CELL: (f32, f32) = (8.5, 18.0);
/// Around the characters, and above them for the window's title.
const EDGE: (f32, f32) = (14.0, 40.0);

/// The buffer as a window with this title.
pub(super) fn picture(buffer: &Buffer, title: &str) -> String {
    let (columns, rows) = (f32::from(buffer.area.width), f32::from(buffer.area.height));
    let (width, height) = (columns * CELL.0 + 2.0 * EDGE.0, rows * CELL.1 + EDGE.1 + EDGE.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"{title}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"#1c2128\"/>\n"
    );
    for (at, fill) in ["#ff5f57", "#febc2e", "#28c840"].iter().enumerate() {
        let x = 20 + 18 * at;
        let _ = writeln!(svg, "<circle cx=\"{x}\" cy=\"18\" r=\"5.5\" fill=\"{fill}\"/>");
    }
    svg.push_str("<g font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" ");
    svg.push_str("font-size=\"14\" xml:space=\"preserve\">\n");
    let middle = width / 2.0;
    let _ = writeln!(
        svg,
        "<text x=\"{middle}\" y=\"23\" fill=\"#768390\" text-anchor=\"middle\">{}</text>",
        escaped(title)
    );
    for (y, cells) in buffer.content().chunks(usize::from(buffer.area.width).max(1)).enumerate() {
        row(y, cells, &mut svg);
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// One line: neighbours of the same look are one element, unless there is a gap between them.
fn row(y: usize, cells: &[Cell], svg: &mut String) {
    let mut at = 0;
    while at < cells.len() {
        let same = |cell: &&Cell| look(cell) == look(&cells[at]);
        let length = cells[at..].iter().take_while(same).count();
        let text: String = cells[at..at + length].iter().map(Cell::symbol).collect();
        for (blank, shown) in words(&text) {
            run(at + blank, y, shown, &cells[at], svg);
        }
        at += length;
    }
}

/// The parts of a text between gaps of two blanks or more, each with where it begins: every column of a table
/// is placed by itself, whatever the font.
fn words(text: &str) -> Vec<(usize, &str)> {
    let (mut parts, mut from) = (Vec::new(), 0);
    for part in text.split("  ") {
        let shown = part.trim();
        if !shown.is_empty() {
            let blank = part.len() - part.trim_start().len();
            parts.push((text[..from + blank].chars().count(), shown));
        }
        from += part.len() + 2;
    }
    parts
}

/// What makes one element of neighbours.
fn look(cell: &Cell) -> (Color, bool, u8) {
    let class = cell.symbol().chars().next().map_or(0, |letter| match letter {
        '█' | '▓' => 1,
        '░' => 2,
        '─' => 3,
        '│' | '╭' | '╮' | '╰' | '╯' => 4,
        _ => 0,
    });
    (cell.fg, cell.modifier.contains(Modifier::BOLD), class)
}

fn run(x: usize, y: usize, text: &str, cell: &Cell, svg: &mut String) {
    let length = text.chars().count();
    let left = EDGE.0 + pixels(x) * CELL.0;
    let top = EDGE.1 + pixels(y) * CELL.1;
    let (width, fill) = (pixels(length) * CELL.0, colour(cell.fg));
    let (middle, half, bottom) = (top + CELL.1 / 2.0, CELL.0 / 2.0, top + CELL.1);
    let line = |path: String| {
        format!("<path d=\"{path}\" fill=\"none\" stroke=\"{fill}\" stroke-opacity=\"0.7\"/>\n")
    };
    let element = match text.chars().next().unwrap_or(' ') {
        shade @ ('█' | '▓' | '░') => {
            let opacity = if shade == '░' { "0.35" } else { "1" };
            let (top, height) = (top + 4.0, CELL.1 - 8.0);
            format!(
                "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\" \
                 fill-opacity=\"{opacity}\"/>\n"
            )
        }
        '─' => line(format!("M{left} {middle}h{width}")),
        '│' | '╭' | '╮' | '╰' | '╯' => {
            let corners = text.chars().enumerate().map(|(at, letter)| {
                let (left, x) = (left + pixels(at) * CELL.0, left + pixels(at) * CELL.0 + half);
                let right = left + CELL.0;
                match letter {
                    '╭' => format!("M{x} {bottom}Q{x} {middle} {right} {middle}"),
                    '╮' => format!("M{left} {middle}Q{x} {middle} {x} {bottom}"),
                    '╰' => format!("M{x} {top}Q{x} {middle} {right} {middle}"),
                    '╯' => format!("M{left} {middle}Q{x} {middle} {x} {top}"),
                    _ => format!("M{x} {top}V{bottom}"),
                }
            });
            line(corners.collect())
        }
        _ => {
            let weight = if cell.modifier.contains(Modifier::BOLD) { " font-weight=\"700\"" } else { "" };
            let base = top + 13.5;
            format!(
                "<text x=\"{left}\" y=\"{base}\" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\" \
                 fill=\"{fill}\"{weight}>{}</text>\n",
                escaped(text)
            )
        }
    };
    svg.push_str(&element);
}

fn colour(colour: Color) -> &'static str {
    match colour {
        Color::Green => "#57ab5a",
        Color::Yellow => "#daaa3f",
        Color::Red => "#e5534b",
        Color::DarkGray => "#768390",
        _ => "#cdd9e5",
    }
}

/// A number of cells; a terminal has fewer than a float has digits.
fn pixels(cells: usize) -> f32 {
    f32::from(u16::try_from(cells).unwrap_or(u16::MAX))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

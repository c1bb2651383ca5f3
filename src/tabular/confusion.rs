//! A confusion matrix as an SVG.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::error::{Error, Result};

/// The side of the square of all cells.
const SIDE: i32 = 420;
/// Left of it, above it, right of it.
const MARGINS: [i32; 3] = [140, 56, 24];
/// Below it, where names are level and where they are upright.
const BELOW: [i32; 2] = [70, 150];
/// Up to so many classes the cells have numbers and the sides have names.
const NUMBERED: usize = 30;
/// Classes that can be drawn at most.
pub const MOST_DRAWN: usize = 100;
/// Characters of a class's name at most.
const NAME: usize = 16;

type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

/// An SVG with a cell for each pair of classes: rows are the right class, columns the predicted one, `counts[right][predicted]`
/// rows of data stand in it. A cell is as dark as its share of its row. Beyond 30 classes names and numbers are left out.
///
/// # Errors
/// [`Error::Argument`] where the counts are no square of the classes, there is no class, or more than 100.
///
/// ```
/// let classes = ["no".to_string(), "yes".to_string()];
/// let svg = wgrad::tabular::confusion_matrix_svg(&classes, &[vec![40, 2], vec![1, 57]])?;
/// assert!(svg.starts_with("<svg") && svg.contains("\n57\n") && svg.contains("Confusion matrix of 100 rows"));
/// # Ok::<(), wgrad::Error>(())
/// ```
pub fn confusion_matrix_svg(classes: &[String], counts: &[Vec<u64>]) -> Result<String> {
    let n = classes.len();
    if n == 0 || counts.len() != n || counts.iter().any(|row| row.len() != n) {
        let got = counts.iter().map(|row| row.len().to_string()).collect::<Vec<_>>().join(", ");
        return Err(Error::argument("counts", format!("{n} rows of {n}, and at least one"), format!("rows of {got}")));
    }
    if n > MOST_DRAWN {
        return Err(Error::argument("classes", format!("at most {MOST_DRAWN}"), n));
    }
    let mut svg = String::new();
    draw(classes, counts, &mut svg).map_err(|e| Error::argument("counts", "numbers that can be drawn", e))?;
    Ok(svg)
}

fn draw(classes: &[String], counts: &[Vec<u64>], svg: &mut String) -> Drawn {
    let ([left, top, right], n) = (MARGINS, classes.len());
    let names: Vec<String> = classes.iter().map(|name| shortened(name, NAME)).collect();
    // Upright, where one would run into the next.
    let upright = n <= NUMBERED && names.iter().any(|name| n * name.chars().count() > 40);
    let bottom = BELOW[usize::from(upright)];
    let size = ((left + SIDE + right) as u32, (top + SIDE + bottom) as u32);
    let root = SVGBackend::with_string(svg, size).into_drawing_area();
    root.fill(&WHITE)?;
    let style = |size: i32, h: HPos, v: VPos| ("sans-serif", size).into_font().color(&BLACK).pos(Pos::new(h, v));
    let middle = left + SIDE / 2;
    let all: u64 = counts.iter().flatten().sum();
    root.draw_text(&format!("Confusion matrix of {all} rows"), &style(24, HPos::Center, VPos::Center), (middle, 28))?;
    root.draw_text("predicted", &style(17, HPos::Center, VPos::Center), (middle, top + SIDE + bottom - 18))?;
    let aside = style(17, HPos::Center, VPos::Center).transform(FontTransform::Rotate270);
    root.draw_text("actual", &aside, (18, top + SIDE / 2))?;
    let edge = |i: usize| SIDE * i as i32 / n as i32;
    let text = (SIDE / n as i32 / 3).clamp(8, 18);
    for (i, row) in counts.iter().enumerate() {
        let all = row.iter().sum::<u64>().max(1) as f64;
        for (j, &count) in row.iter().enumerate() {
            let share = count as f64 / all;
            let corners = [(left + edge(j), top + edge(i)), (left + edge(j + 1), top + edge(i + 1))];
            root.draw(&Rectangle::new(corners, blue(share).filled()))?;
            root.draw(&Rectangle::new(corners, BLACK.mix(0.25)))?;
            if n <= NUMBERED && count > 0 {
                let centre = ((corners[0].0 + corners[1].0) / 2, (corners[0].1 + corners[1].1) / 2);
                let ink = if share > 0.5 { WHITE } else { BLACK };
                let style = style(text, HPos::Center, VPos::Center).color(&ink);
                root.draw_text(&count.to_string(), &style, centre)?;
            }
        }
        if n <= NUMBERED {
            let (name, at) = (&names[i], (edge(i) + edge(i + 1)) / 2);
            root.draw_text(name, &style(text.min(15), HPos::Right, VPos::Center), (left - 8, top + at))?;
            let below = match upright {
                true => style(text.min(15), HPos::Right, VPos::Center).transform(FontTransform::Rotate270),
                false => style(text.min(15), HPos::Center, VPos::Top),
            };
            root.draw_text(name, &below, (left + at, top + SIDE + 8))?;
        }
    }
    root.present()?;
    Ok(())
}

/// From white to dark blue.
fn blue(share: f64) -> RGBColor {
    let mix = |light: f64, dark: f64| (light + (dark - light) * share) as u8;
    RGBColor(mix(255.0, 8.0), mix(255.0, 64.0), mix(255.0, 129.0))
}

/// A name of at most so many characters: of a longer one the middle is left out, where names differ least. What is no visible
/// character is a blank.
pub(crate) fn shortened(name: &str, most: usize) -> String {
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    let all: Vec<char> = name.chars().map(visible).collect();
    if all.len() <= most {
        return all.into_iter().collect();
    }
    let (first, last) = (most.saturating_sub(1).div_ceil(2), most.saturating_sub(1) / 2);
    all[..first].iter().chain(&['…']).chain(&all[all.len() - last..]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_at_their_ends_stay_different() {
        let cut = ["Department of History", "Department of Physics"].map(|name| shortened(name, 16));
        assert_eq!(cut, ["Departme…History", "Departme…Physics"]);
        assert_eq!(shortened("naïve\n\u{7}", 16), "naïve  ");
        assert_eq!([0, 1, 2, 3].map(|most| shortened("abcdef", most)), ["…", "…", "a…", "a…f"]);
    }

    #[test]
    fn more_classes_than_can_be_seen_are_refused() {
        let square = |n: usize| (vec!["x".to_string(); n], vec![vec![1; n]; n]);
        for (n, drawn) in [(0, false), (1, true), (100, true), (101, false)] {
            let (classes, counts) = square(n);
            assert_eq!(confusion_matrix_svg(&classes, &counts).is_ok(), drawn, "{n}");
        }
    }
}

//! A picture of a model's graph.

use std::fmt::Write;
use std::path::Path;

use crate::data::file;
use crate::error::Result;
use crate::layers::Source;
use crate::model::Model;
use crate::model::summary::with_rows;

/// Height of a box, and what is free around boxes and at the edges.
const HEIGHT: f64 = 46.0;
const GAP: [f64; 2] = [24.0, 40.0];
/// Width of a letter.
const LETTER: f64 = 7.3;

/// An input or a call of a layer.
struct Drawn {
    /// Name and class, then the shape of what it gives.
    lines: [String; 2],
    is_input: bool,
    is_output: bool,
    /// Those before it, as places among all.
    from: Vec<usize>,
    /// Row from the top, and the middle of the box.
    row: usize,
    x: f64,
}

impl Drawn {
    fn width(&self) -> f64 {
        let letters = self.lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        LETTER * letters as f64 + 24.0
    }

    /// The upper edge of the box.
    fn y(&self) -> f64 {
        GAP[1] / 2.0 + self.row as f64 * (HEIGHT + GAP[1])
    }
}

impl Model {
    /// Writes [`Model::plot_svg`] to a file.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) with the file.
    pub fn plot(&self, path: impl AsRef<Path>) -> Result<()> {
        file::write(path.as_ref(), self.plot_svg().as_bytes())
    }

    /// The graph of the model as SVG: a box for each input and each call of a layer, with the shape of what it gives; what
    /// flows goes down. Outputs have a heavy edge.
    pub fn plot_svg(&self) -> String {
        let boxes = placed(self.drawn());
        let right = boxes.iter().map(|b| b.x + b.width() / 2.0).fold(0.0, f64::max) + GAP[0];
        let bottom = boxes.iter().map(|b| b.y() + HEIGHT).fold(0.0, f64::max) + GAP[1] / 2.0;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{right:.0}\" height=\"{bottom:.0}\" \
             viewBox=\"0 0 {right:.0} {bottom:.0}\" font-family=\"monospace\" font-size=\"12\">\n\
             <title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
            escaped(&self.name)
        );
        for below in &boxes {
            for above in below.from.iter().map(|&at| &boxes[at]) {
                let [top, end] = [above.y() + HEIGHT, below.y()];
                let bend = (end - top) / 2.0;
                // Writing to a string cannot fail.
                let _ = writeln!(
                    svg,
                    "<path d=\"M{:.1} {top:.1} C{:.1} {:.1} {:.1} {:.1} {:.1} {end:.1}\" fill=\"none\" stroke=\"#888\"/>",
                    above.x,
                    above.x,
                    top + bend,
                    below.x,
                    end - bend,
                    below.x
                );
            }
        }
        boxes.iter().for_each(|drawn| draw(&mut svg, drawn));
        svg.push_str("</svg>\n");
        svg
    }

    fn drawn(&self) -> Vec<Drawn> {
        let place = |source: &Source| match *source {
            Source::Input(i) => i,
            Source::Output { call, .. } => self.inputs.len() + call,
        };
        let outputs: Vec<usize> = self.network.outputs.iter().map(|(_, source)| place(source)).collect();
        let inputs = self.inputs.iter().map(|(name, ty)| (format!("{name} (Input)"), with_rows(&ty.shape), vec![]));
        let calls = self.network.calls.iter().zip(&self.types).map(|(call, types)| {
            let (name, placed) = &self.network.layers[call.layer];
            let shapes: Vec<String> = types.iter().map(|ty| with_rows(&ty.shape)).collect();
            let from = call.inputs.iter().map(place).collect();
            (format!("{name} ({})", placed.layer().config().class), shapes.join(", "), from)
        });
        let drawn = |(at, (name, shape, from)): (usize, (String, String, Vec<usize>))| Drawn {
            lines: [name, shape],
            is_input: at < self.inputs.len(),
            is_output: outputs.contains(&at),
            from,
            row: 0,
            x: 0.0,
        };
        inputs.chain(calls).enumerate().map(drawn).collect()
    }
}

/// Each box a row below all that it is made of, and in its row near the middle of them.
fn placed(mut boxes: Vec<Drawn>) -> Vec<Drawn> {
    for at in 0..boxes.len() {
        boxes[at].row = boxes[at].from.iter().map(|&from| boxes[from].row + 1).max().unwrap_or(0);
    }
    let rows = boxes.iter().map(|b| b.row + 1).max().unwrap_or(0);
    let widths: Vec<f64> = (0..rows)
        .map(|row| boxes.iter().filter(|b| b.row == row).map(|b| b.width() + GAP[0]).sum::<f64>() + GAP[0])
        .collect();
    let widest = widths.iter().copied().fold(0.0, f64::max);
    for (row, width) in widths.into_iter().enumerate() {
        let mut of_row: Vec<usize> = (0..boxes.len()).filter(|&at| boxes[at].row == row).collect();
        let middle = |at: usize| {
            let from = &boxes[at].from;
            from.iter().map(|&from| boxes[from].x).sum::<f64>() / from.len().max(1) as f64
        };
        of_row.sort_by(|&a, &b| middle(a).total_cmp(&middle(b)));
        let mut left = (widest - width) / 2.0 + GAP[0];
        for at in of_row {
            let width = boxes[at].width();
            boxes[at].x = left + width / 2.0;
            left += width + GAP[0];
        }
    }
    boxes
}

fn draw(svg: &mut String, drawn: &Drawn) {
    let (left, top, width) = (drawn.x - drawn.width() / 2.0, drawn.y(), drawn.width());
    let fill = if drawn.is_input { "#e8f0fe" } else { "#f6f6f6" };
    let edge = if drawn.is_output { 2.5 } else { 1.0 };
    let _ = writeln!(
        svg,
        "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\" rx=\"5\" fill=\"{fill}\" \
         stroke=\"#333\" stroke-width=\"{edge}\"/>"
    );
    for (line, text) in drawn.lines.iter().enumerate() {
        let y = top + 19.0 + 17.0 * line as f64;
        let color = if line == 0 { "#000" } else { "#555" };
        let text = escaped(text);
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"middle\" fill=\"{color}\">{text}</text>",
            drawn.x
        );
    }
}

/// Names are the program's own words.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

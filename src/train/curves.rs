//! The learning curves of a run as an SVG.

use std::collections::BTreeMap;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::error::{Error, Result};

/// The width and the height of a panel.
const PANEL: (u32, u32) = (520, 400);
/// Training, validation and what else there is: told apart without red against green.
const COLOURS: [RGBColor; 4] =
    [RGBColor(31, 119, 180), RGBColor(225, 110, 10), RGBColor(90, 60, 150), RGBColor(80, 80, 80)];
/// Up to so many epochs each value has a dot.
const DOTS: usize = 30;

const ACCURACY: &str = "Accuracy";

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Curve<'a> = (&'a str, &'a [f64]);

/// An SVG with a panel for the losses and, where the history has any, one for the accuracies; epochs count from 1.
///
/// `history` maps a log key to its value in each epoch. `loss` and `val_loss` are losses, the keys that hold `accuracy`
/// are accuracies; other keys are left out. A value that is not finite is a gap in its line.
///
/// # Errors
/// [`Error::Argument`] if no key is a loss or an accuracy with a value.
///
/// ```
/// let history = [("loss".to_string(), vec![0.7, 0.4, 0.3])].into();
/// assert!(wgrad::train::learning_curves_svg(&history)?.starts_with("<svg"));
/// # Ok::<(), wgrad::Error>(())
/// ```
pub fn learning_curves_svg(history: &BTreeMap<String, Vec<f64>>) -> Result<String> {
    let is_loss = |key: &str| key == "loss" || key == "val_loss";
    let panels: Vec<_> =
        [("Loss", curves(history, is_loss)), (ACCURACY, curves(history, |key| key.contains("accuracy")))]
            .into_iter()
            .filter(|(_, curves)| !curves.is_empty())
            .collect();
    if panels.is_empty() {
        let keys: Vec<&str> = history.keys().map(String::as_str).collect();
        let got = if keys.is_empty() { "no key".into() } else { keys.join(", ") };
        return Err(Error::argument("history", "values of a loss or an accuracy", got));
    }
    let mut svg = String::new();
    draw(&panels, &mut svg).map_err(|e| Error::argument("history", "values that can be drawn", e))?;
    Ok(svg)
}

fn curves(history: &BTreeMap<String, Vec<f64>>, wanted: impl Fn(&str) -> bool) -> Vec<Curve<'_>> {
    let all = history.iter().map(|(key, values)| (key.as_str(), values.as_slice()));
    all.filter(|(key, values)| wanted(key) && !values.is_empty()).collect()
}

type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

fn draw(panels: &[(&str, Vec<Curve<'_>>)], svg: &mut String) -> Drawn {
    let root = SVGBackend::with_string(svg, (PANEL.0 * panels.len() as u32, PANEL.1)).into_drawing_area();
    root.fill(&WHITE)?;
    for (area, (title, curves)) in root.split_evenly((1, panels.len())).iter().zip(panels) {
        // Losses fall and accuracies rise: the legend stands where the curves are not.
        let rises = *title == ACCURACY;
        panel(
            area,
            title,
            curves,
            if rises { SeriesLabelPosition::LowerRight } else { SeriesLabelPosition::UpperRight },
        )?;
    }
    root.present()?;
    Ok(())
}

fn panel(area: &Area<'_>, title: &str, curves: &[Curve<'_>], legend: SeriesLabelPosition) -> Drawn {
    let epochs = curves.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    let (low, high) = value_range(curves);
    let first = if epochs == 1 { 0 } else { 1 };
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 24))
        .margin(12)
        .margin_right(24)
        .x_label_area_size(48)
        .y_label_area_size(72)
        .build_cartesian_2d(first..epochs.max(2), low..high)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .x_labels(9)
        .y_labels(8)
        .x_desc("epoch")
        .y_desc(title.to_lowercase())
        .axis_desc_style(("sans-serif", 17))
        .label_style(("sans-serif", 15))
        .y_label_formatter(&|value| label(*value, high - low))
        .draw()?;
    for (&(key, values), colour) in curves.iter().zip(COLOURS.iter().cycle()) {
        let style = colour.stroke_width(2);
        // The legend needs a series of its own, as a curve may be all gaps.
        chart
            .draw_series(LineSeries::new(std::iter::empty(), style))?
            .label(key)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        for stretch in stretches(values) {
            if stretch.len() == 1 || values.len() <= DOTS {
                chart.draw_series(stretch.iter().map(|&point| Circle::new(point, 3, colour.filled())))?;
            }
            chart.draw_series(LineSeries::new(stretch, style))?;
        }
    }
    chart
        .configure_series_labels()
        .position(legend)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 16))
        .draw()?;
    Ok(())
}

/// The parts of a curve without a gap: (epoch, value).
fn stretches(values: &[f64]) -> Vec<Vec<(usize, f64)>> {
    let points: Vec<(usize, f64)> = (1..).zip(values.iter().copied()).collect();
    points.split(|(_, value)| !drawable(*value)).filter(|part| !part.is_empty()).map(<[_]>::to_vec).collect()
}

/// Finite, and far enough from the largest f64 for the axis to pass it.
fn drawable(value: f64) -> bool {
    value.abs() < 1e300
}

/// All values with a margin, never narrower than a hundredth of the largest: rounding must not look like a trend.
fn value_range(curves: &[Curve<'_>]) -> (f64, f64) {
    let values = || curves.iter().flat_map(|(_, values)| values.iter().copied()).filter(|&v| drawable(v));
    let (low, high) = values().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return (0.0, 1.0);
    }
    let least = (low.abs().max(high.abs()) * 0.01).max(1e-6);
    let margin = (0.05 * (high - low)).max(0.5 * (least - (high - low)));
    (low - margin, high + margin)
}

/// A tick's number with as many digits as tell it from the next tick, a tenth of the span away or more.
fn label(value: f64, span: f64) -> String {
    let size = value.abs().max(span);
    if !(1e-4..1e6).contains(&size) {
        return if value == 0.0 { "0".into() } else { format!("{value:.2e}") };
    }
    let digits = (1.0 - span.log10()).ceil().clamp(0.0, 9.0) as usize;
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(entries: &[(&str, &[f64])]) -> BTreeMap<String, Vec<f64>> {
        entries.iter().map(|(key, values)| (key.to_string(), values.to_vec())).collect()
    }

    fn texts(svg: &str) -> Vec<&str> {
        svg.split("</text>").filter_map(|part| part.rsplit('>').next()).map(str::trim).collect()
    }

    #[test]
    fn panels_have_titles_ticks_and_a_legend() {
        let svg = learning_curves_svg(&history(&[
            ("accuracy", &[0.7, 0.9, 0.95]),
            ("learning_rate", &[0.1, 0.1, 0.1]),
            ("loss", &[0.7, 0.5, 0.4]),
            ("val_accuracy", &[0.8, 0.85, 0.9]),
            ("val_loss", &[0.6, 0.5, 0.45]),
        ]))
        .unwrap();
        let texts = texts(&svg);
        for text in ["Loss", "Accuracy", "epoch", "loss", "val_loss", "accuracy", "val_accuracy", "1", "2", "3"] {
            assert!(texts.contains(&text), "{text} is not in {texts:?}");
        }
        assert!(!svg.contains("learning_rate"));
        let lines =
            COLOURS[..2].iter().map(|c| svg.matches(&format!("stroke=\"#{:02X}{:02X}{:02X}\"", c.0, c.1, c.2)).count());
        // In each of two panels a line and its sign in the legend.
        assert_eq!(lines.collect::<Vec<_>>(), [4, 4]);
    }

    #[test]
    fn a_panel_without_values_is_left_out() {
        let svg = learning_curves_svg(&history(&[("loss", &[0.7, 0.5]), ("accuracy", &[])])).unwrap();
        assert!(!svg.contains("Accuracy"));
        for nothing in [history(&[]), history(&[("loss", &[])]), history(&[("auc", &[0.5])])] {
            assert!(matches!(learning_curves_svg(&nothing), Err(Error::Argument { .. })));
        }
    }

    #[test]
    fn gaps_split_a_line() {
        let nan = f64::NAN;
        assert_eq!(stretches(&[nan, 1.0, f64::INFINITY, 2.0, 3.0, nan]), [vec![(2, 1.0)], vec![(4, 2.0), (5, 3.0)]]);
    }

    #[test]
    fn any_values_can_be_drawn() {
        for values in [
            &[0.5][..],
            &[0.0; 3],
            &[-0.0, 0.0],
            &[0.3; 500],
            &[f64::NAN],
            &[f64::NAN, f64::INFINITY, f64::NEG_INFINITY],
            &[f64::NAN, 0.5, f64::NAN],
            &[f64::MAX, f64::MIN],
            &[9e299, -9e299, 0.0],
            &[1e-320, 2e-320],
            &[1.0, 1.0 + f64::EPSILON],
            &[1e12, 1e12 + 1e-3],
            &[-5.0, 3.0, -1e6],
        ] {
            let svg = learning_curves_svg(&history(&[("loss", values)])).unwrap();
            assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN") && svg.len() < 100_000, "{values:?}");
        }
    }

    #[test]
    fn ticks_are_short_and_differ() {
        assert_eq!(label(0.25, 0.4), "0.25");
        assert_eq!(label(12.0, 100.0), "12");
        assert_eq!(label(0.0, 1e9), "0");
        assert_eq!(label(2.5e9, 1e9), "2.50e9");
        assert_ne!(label(0.9991, 0.001), label(0.9992, 0.001));
        assert_eq!(label(1.05e-7, 2e-6), "1.05e-7");
    }
}

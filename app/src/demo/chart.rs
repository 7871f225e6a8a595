//! Line and bar charts as inline SVG: no script, no font, no network, readable in print and in the dark.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;

/// One line: a name for the legend and `(x label, value)` points; a gap where the value is `None`.
#[derive(Clone, Debug)]
pub struct Series {
    pub name: String,
    pub points: Vec<Option<f64>>,
}

/// A chart whose series share their x labels.
#[derive(Clone, Debug)]
pub struct Chart {
    pub title: String,
    pub unit: String,
    pub labels: Vec<String>,
    pub series: Vec<Series>,
}

struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// From zero where the values are near it, so that heights can be compared; else just around the values.
    fn over(chart: &Chart) -> Option<Self> {
        let values = || {
            chart
                .series
                .iter()
                .flat_map(|series| series.points.iter().flatten())
                .copied()
                .filter(|v| v.is_finite())
        };
        let low = values().reduce(f64::min)?;
        let high = values().reduce(f64::max)?;
        let low = if low > 0.0 && low < high * 0.6 { 0.0 } else { low };
        let pad = if high > low {
            (high - low) * 0.08
        } else {
            high.abs().max(1.0) * 0.1
        };
        Some(Self {
            low: if low == 0.0 { 0.0 } else { low - pad },
            high: high + pad,
        })
    }

    fn y(&self, value: f64) -> f64 {
        TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - (value - self.low) / (self.high - self.low))
    }
}

impl Chart {
    fn x(&self, index: usize) -> f64 {
        let steps = self.labels.len().saturating_sub(1).max(1) as f64;
        LEFT + (WIDTH - LEFT - RIGHT) * index as f64 / steps
    }

    /// The chart as one `<figure>`; empty data says so instead of drawing nothing.
    #[must_use]
    pub fn svg(&self) -> String {
        let mut out = format!(
            "<figure><figcaption>{} <small>{}</small></figcaption>",
            escape(&self.title),
            escape(&self.unit)
        );
        let Some(scale) = Scale::over(self) else {
            out.push_str("<p class=\"empty\">no data</p></figure>");
            return out;
        };
        let _ = write!(
            out,
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            escape(&self.title)
        );
        self.grid(&scale, &mut out);
        for (index, series) in self.series.iter().enumerate() {
            self.line(series, index, &scale, &mut out);
        }
        out.push_str("</svg>");
        self.legend(&mut out);
        out.push_str("</figure>");
        out
    }

    fn grid(&self, scale: &Scale, out: &mut String) {
        for step in 0..=4 {
            let value = scale.low + (scale.high - scale.low) * f64::from(step) / 4.0;
            let y = scale.y(value);
            let _ = write!(
                out,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0,
                short(value)
            );
        }
        let every = self.labels.len().div_ceil(8).max(1);
        for (index, label) in self.labels.iter().enumerate().step_by(every) {
            let _ = write!(
                out,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                self.x(index),
                HEIGHT - BOTTOM + 18.0,
                escape(label)
            );
        }
    }

    fn line(&self, series: &Series, index: usize, scale: &Scale, out: &mut String) {
        let mut path = String::new();
        let mut pen_down = false;
        for (at, value) in series.points.iter().enumerate() {
            match value.filter(|value| value.is_finite()) {
                Some(value) => {
                    let _ = write!(
                        path,
                        "{}{:.1} {:.1}",
                        if pen_down { "L" } else { "M" },
                        self.x(at),
                        scale.y(value)
                    );
                    pen_down = true;
                }
                None => pen_down = false,
            }
        }
        let _ = write!(out, "<path class=\"s{}\" d=\"{path}\"/>", index % 6);
        for (at, value) in series.points.iter().enumerate() {
            if let Some(value) = value.filter(|value| value.is_finite()) {
                let label = self.labels.get(at).map_or("", String::as_str);
                let _ = write!(
                    out,
                    "<circle class=\"s{}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\"><title>{} {}: {}</title></circle>",
                    index % 6,
                    self.x(at),
                    scale.y(value),
                    escape(&series.name),
                    escape(label),
                    short(value)
                );
            }
        }
    }

    fn legend(&self, out: &mut String) {
        if self.series.len() < 2 {
            return;
        }
        out.push_str("<p class=\"legend\">");
        for (index, series) in self.series.iter().enumerate() {
            let _ = write!(out, "<span class=\"s{}\">{}</span> ", index % 6, escape(&series.name));
        }
        out.push_str("</p>");
    }
}

/// A number as a person would write it on an axis.
#[must_use]
pub fn short(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 1e6 {
        format!("{:.2}M", value / 1e6)
    } else if magnitude >= 1e4 {
        format!("{:.0}k", value / 1e3)
    } else if magnitude >= 100.0 || (value.fract() == 0.0 && magnitude >= 1.0) {
        format!("{value:.0}")
    } else if magnitude >= 1.0 || value == 0.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<Option<f64>>) -> Chart {
        Chart {
            title: "AUC <over> time".to_owned(),
            unit: String::new(),
            labels: (0..points.len()).map(|week| format!("w{week}")).collect(),
            series: vec![Series {
                name: "champion".to_owned(),
                points,
            }],
        }
    }

    #[test]
    fn a_gap_in_the_data_is_a_gap_in_the_line() {
        let svg = chart(vec![Some(1.0), None, Some(2.0)]).svg();
        let path = svg.split("<path").nth(1).unwrap().split("/>").next().unwrap();
        assert_eq!(path.matches('M').count(), 2, "{path}");
        assert!(!svg.contains("<over>"));
    }

    #[test]
    fn no_data_is_said_not_drawn() {
        assert!(chart(vec![None, Some(f64::NAN)]).svg().contains("no data"));
    }
}

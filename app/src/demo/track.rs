//! How far a model's forecasts are to be believed, by what came of those before.

use std::collections::BTreeMap;

use super::simulator::ProductNo;

/// What a week's record counts a week later.
const KEPT: f64 = 0.75;
/// Errors count by the size of what was to be foretold, and the smallest products not without limit.
const PIECES_MIN: f64 = 5.0;

/// How the model's forecasts and plain averages fared on the same products and weeks.
///
/// Only products that were on the shelf all week teach: what is not there is not sold, whatever was wanted.
#[derive(Default)]
pub struct Track {
    said: f64,
    sold: f64,
    /// Squared errors of the model, of the averages, and the product of the two.
    model: f64,
    average: f64,
    joint: f64,
}

impl Track {
    pub fn week_passed(
        &mut self,
        forecasts: &BTreeMap<ProductNo, f64>,
        averages: &BTreeMap<ProductNo, f64>,
        sold: &BTreeMap<ProductNo, i64>,
    ) {
        let correction = self.correction();
        for sum in [
            &mut self.said,
            &mut self.sold,
            &mut self.model,
            &mut self.average,
            &mut self.joint,
        ] {
            *sum *= KEPT;
        }
        for (product, pieces) in sold {
            let (Some(forecast), Some(average)) = (forecasts.get(product), averages.get(product)) else {
                continue;
            };
            let pieces = *pieces as f64;
            let (model_off, average_off) = (pieces - forecast * correction, pieces - average);
            let weight = 1.0 / (average + PIECES_MIN);
            self.said += forecast;
            self.sold += pieces;
            self.model += weight * model_off * model_off;
            self.average += weight * average_off * average_off;
            self.joint += weight * model_off * average_off;
        }
    }

    /// A forecast that is right in most weeks says less than the mean, which is what an order has to cover.
    fn correction(&self) -> f64 {
        if self.said > 0.0 && self.sold > 0.0 {
            self.sold / self.said
        } else {
            1.0
        }
    }

    /// The share of the model in the mean of both that would have erred least (Bates and Granger 1969); none as long as
    /// nothing is known.
    pub fn belief(&self) -> f64 {
        let apart = self.model + self.average - 2.0 * self.joint;
        if apart > 0.0 {
            ((self.average - self.joint) / apart).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    /// `averages`, raised where the model foretells more, as far as it is believed. They are not lowered: a piece that is
    /// missing costs many times what one costs that lies for some weeks, and a forecast learned from sales is low
    /// wherever a shelf was empty.
    pub fn demand(
        &self,
        forecasts: &BTreeMap<ProductNo, f64>,
        averages: &BTreeMap<ProductNo, f64>,
    ) -> BTreeMap<ProductNo, f64> {
        let (belief, correction) = (self.belief(), self.correction());
        let wanted = |(product, average): (&ProductNo, &f64)| {
            let foretold = forecasts.get(product).map_or(*average, |units| units * correction);
            (*product, average + belief * (foretold - average).max(0.0))
        };
        averages.iter().map(wanted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: [f64; 3]) -> BTreeMap<ProductNo, f64> {
        (1..).map(ProductNo).zip(values).collect()
    }

    fn pieces(values: [i64; 3]) -> BTreeMap<ProductNo, i64> {
        (1..).map(ProductNo).zip(values).collect()
    }

    #[test]
    fn nobody_is_believed_without_a_record() {
        let demand = Track::default().demand(&of([90.0, 9.0, 9.0]), &of([10.0, 10.0, 10.0]));
        assert_eq!(demand, of([10.0, 10.0, 10.0]));
    }

    #[test]
    fn who_was_right_is_believed_and_who_was_wrong_is_not() {
        let (right, wrong) = (of([40.0, 20.0, 60.0]), of([20.0, 60.0, 40.0]));
        let (mut good, mut bad) = (Track::default(), Track::default());
        for _ in 0..4 {
            good.week_passed(&right, &wrong, &pieces([41, 19, 60]));
            bad.week_passed(&wrong, &right, &pieces([41, 19, 60]));
        }
        assert!(good.belief() > 0.95, "{}", good.belief());
        assert!(bad.belief() < 0.05, "{}", bad.belief());
        let demand = good.demand(&of([30.0, 5.0, 5.0]), &of([10.0, 10.0, 10.0]));
        assert!((28.0..31.0).contains(&demand[&ProductNo(1)]), "{demand:?}");
        assert_eq!(demand[&ProductNo(2)], 10.0);
    }

    #[test]
    fn a_forecast_that_is_always_half_of_it_is_doubled() {
        let mut track = Track::default();
        for _ in 0..6 {
            track.week_passed(&of([20.0, 10.0, 30.0]), &of([20.0, 60.0, 40.0]), &pieces([40, 20, 60]));
        }
        assert!((track.correction() - 2.0).abs() < 1e-9);
        let demand = track.demand(&of([30.0, 30.0, 30.0]), &of([20.0, 20.0, 20.0]));
        assert!(demand.values().all(|units| *units > 50.0), "{demand:?}");
    }

    #[test]
    fn products_that_were_not_there_teach_nothing() {
        let mut track = Track::default();
        track.week_passed(&of([9.0, 9.0, 9.0]), &of([5.0, 5.0, 5.0]), &BTreeMap::new());
        assert_eq!((track.said, track.model), (0.0, 0.0));
    }
}

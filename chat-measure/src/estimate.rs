//! The mean of a figure over repetitions, with its confidence interval.

/// A figure, and half the width of its 95 % confidence interval if it was measured at least twice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub value: f64,
    pub plus_minus: Option<f64>,
}

impl Estimate {
    /// The mean of the measured values; `None` if there are none.
    pub fn of(measured: &[f64]) -> Option<Estimate> {
        if measured.is_empty() {
            return None;
        }
        let mean = measured.iter().sum::<f64>() / measured.len() as f64;
        Some(Estimate { value: mean, plus_minus: half_width(measured, mean) })
    }

    /// Whether the whole confidence interval is above 0.
    pub fn is_above_zero(self) -> bool {
        self.plus_minus.is_some_and(|plus_minus| self.value > plus_minus)
    }
}

/// Half the width of the confidence interval by Student's t distribution, which fits a few repetitions whose variance is
/// only known from themselves.
fn half_width(measured: &[f64], mean: f64) -> Option<f64> {
    let freedom = measured.len() - 1;
    if freedom == 0 {
        return None;
    }
    let variance = measured.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / freedom as f64;
    Some(student(freedom) * (variance / measured.len() as f64).sqrt())
}

/// The 97.5 % quantile of Student's t distribution, to three digits.
fn student(freedom: usize) -> f64 {
    STUDENT.get(freedom - 1).copied().unwrap_or_else(|| NORMAL + 2.4 / freedom as f64)
}

/// The quantiles for 1 to 30 degrees of freedom.
const STUDENT: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];
/// The same quantile of the normal distribution, which Student's distribution approaches.
pub(crate) const NORMAL: f64 = 1.96;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_measurement_has_no_interval_and_none_has_no_mean() {
        assert_eq!(Estimate::of(&[]), None);
        assert_eq!(Estimate::of(&[7.0]), Some(Estimate { value: 7.0, plus_minus: None }));
    }

    #[test]
    fn the_interval_is_that_of_the_textbook() {
        // Mean 5, standard deviation 2.1381, standard error 0.7559, and 2.365 for 7 degrees of freedom.
        let estimate = Estimate::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
        assert_eq!(estimate.value, 5.0);
        assert!((estimate.plus_minus.unwrap() - 1.7878).abs() < 0.001, "{estimate:?}");
        let two = Estimate::of(&[1.0, 2.0]).unwrap();
        assert!((two.plus_minus.unwrap() - 6.353).abs() < 0.001, "{two:?}");
    }

    #[test]
    fn students_quantiles_go_on_where_the_list_ends() {
        for (freedom, known) in
            [(1, 12.706), (4, 2.776), (30, 2.042), (40, 2.021), (60, 2.000), (120, 1.980), (1000, 1.962)]
        {
            assert!((student(freedom) - known).abs() < 0.002, "{freedom}: {}", student(freedom));
        }
    }

    #[test]
    fn an_interval_that_includes_zero_is_not_above_zero() {
        assert!(Estimate::of(&[1.0, 1.1, 0.9]).unwrap().is_above_zero());
        assert!(!Estimate::of(&[1.0, 0.1]).unwrap().is_above_zero());
        assert!(!Estimate::of(&[-1.0, -1.1, -0.9]).unwrap().is_above_zero());
        assert!(!Estimate::of(&[1.0]).unwrap().is_above_zero(), "one measurement proves nothing");
    }
}

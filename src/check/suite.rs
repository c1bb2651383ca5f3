//! The parity suite: every case of every op, in every variant, on a device. Cases come from the ops' own lists.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::check::compare::Worst;
use crate::check::number;
use crate::check::parity::{Outcome, Place, parity, shape_of, variants};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::graph::Measure;
use crate::ops::{Case, FAMILIES};
use crate::program::Options;

/// An error that is reported for one that is infinite: JSON has no number for that.
const WITHOUT_BOUND: f64 = f32::MAX as f64;

/// One case of the suite.
#[derive(Clone, Debug)]
pub struct Job {
    /// The case.
    pub case: Case,
    /// Its place among the cases of its family, which is the seed of its values.
    pub seed: u64,
}

impl Job {
    /// The op's name.
    pub fn op(&self) -> &str {
        self.case.op.name()
    }
}

/// Every case of every op whose name `wanted` takes, op by op, in the order of the families.
pub fn jobs(wanted: impl Fn(&str) -> bool) -> Vec<Job> {
    let of_family = |family: &crate::ops::Family| (family.cases)().into_iter().zip(0..);
    let all = FAMILIES.iter().flat_map(of_family).map(|(case, seed)| Job { case, seed });
    let mut jobs: Vec<Job> = all.filter(|job| wanted(job.op())).collect();
    let mut order: Vec<String> = vec![];
    for job in &jobs {
        if !order.iter().any(|op| op == job.op()) {
            order.push(job.op().to_string());
        }
    }
    jobs.sort_by_key(|job| order.iter().position(|op| op == job.op()));
    jobs
}

/// What one case showed in one variant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// The variant.
    pub variant: String,
    /// What was found.
    pub outcome: Outcome,
}

/// Runs a case in each variant in turn. `before` is told of each.
///
/// A case that a device refuses with [`Error::Limit`] counts for nothing. What else goes wrong is a finding.
///
/// # Errors
/// [`Error::DeviceLost`], after which nothing more can be run on the device.
pub fn run(device: &Device, job: &Job, before: &mut dyn FnMut(&str)) -> Result<Vec<Finding>> {
    let names = match variants(device, &job.case) {
        Ok(names) => names,
        Err(error) => return Ok(refused(job, "-", error)?.into_iter().collect()),
    };
    let mut findings = vec![];
    for (place, &variant) in names.iter().enumerate() {
        before(variant);
        let options = Options { variant: place, ..Options::default() };
        match parity(device, &job.case, &options, job.seed) {
            Ok(outcome) => findings.push(Finding { variant: variant.into(), outcome }),
            Err(error) => findings.extend(refused(job, variant, error)?),
        }
    }
    Ok(findings)
}

/// What an error means for the suite.
fn refused(job: &Job, variant: &str, error: Error) -> Result<Option<Finding>> {
    match error {
        Error::Limit { .. } => Ok(None),
        Error::DeviceLost { .. } => Err(error),
        other => {
            let text = format!("{} ({variant}) of {}, seed {}: {other}", job.op(), shape_of(&job.case), job.seed);
            let outcome = Outcome { violations: vec![text], ..Outcome::default() };
            Ok(Some(Finding { variant: variant.into(), outcome }))
        }
    }
}

/// The element that is farthest from the oracle, and what repeats it.
#[derive(Clone, Debug, Serialize)]
pub struct WorstCase {
    /// The run.
    #[serde(flatten)]
    pub place: Place,
    /// The element.
    #[serde(flatten)]
    pub worst: Worst,
    /// The place of its case among those of the suite.
    #[serde(skip)]
    pub job: usize,
}

/// What the suite found for an op in a variant.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The op.
    pub op: String,
    /// The variant; `plain` for the op's own kernel on the CPU.
    pub variant: String,
    /// The device.
    pub device: String,
    /// Runs.
    pub cases: usize,
    /// Different lists of types of the inputs.
    pub shapes: usize,
    /// What error and bar are counted in: `equal`, `ulp`, `sum` or `parts`.
    pub measure: &'static str,
    /// The largest error.
    #[serde(with = "number")]
    pub max_error: f64,
    /// What it may be at most.
    pub bar: f64,
    /// Whether it is, and no rule was broken.
    pub ok: bool,
    /// Where the largest error was, of a row that is not ok.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst: Option<WorstCase>,
    /// Rules that were broken, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { op, variant, device, cases, shapes, measure, max_error, bar, .. } = self;
        write!(f, "{device}: {op} ({variant}): {cases} cases, {shapes} shapes, {max_error:.3} of {bar} ({measure})")?;
        if let Some(WorstCase { place, worst, .. }) = &self.worst {
            write!(f, "\n  {place}: {worst}")?;
        }
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// The rows of a device in the making.
#[derive(Debug)]
pub struct Rows {
    device: String,
    rows: Vec<Open>,
}

/// A row in the making.
#[derive(Debug)]
struct Open {
    op: String,
    variant: String,
    shapes: BTreeSet<String>,
    measure: Measure,
    found: Outcome,
    job: usize,
}

impl Rows {
    /// None yet.
    pub fn new(device: &str) -> Self {
        Self { device: device.into(), rows: vec![] }
    }

    /// Adds what the case at a place in the suite showed.
    pub fn add(&mut self, place: usize, job: &Job, finding: Finding) {
        let measure = job.case.op.measure();
        let open = self.open(job.op(), &finding.variant, measure);
        if finding.outcome.cases > 0 {
            open.shapes.insert(shape_of(&job.case));
        }
        if measure.error(finding.outcome.max_error) > open.measure.error(open.found.max_error) {
            open.measure = measure;
        }
        if finding.outcome.worst.is_some() && (open.found.worst.is_none() || finding.outcome.rank > open.found.rank) {
            open.job = place;
        }
        open.found.merge(finding.outcome);
    }

    /// Adds that something went wrong at a case, in words.
    pub fn fail(&mut self, job: &Job, variant: &str, problem: String) {
        let open = self.open(job.op(), variant, job.case.op.measure());
        open.found.violations.push(problem);
    }

    fn open(&mut self, op: &str, variant: &str, measure: Measure) -> &mut Open {
        let at = self.rows.iter().position(|row| row.op == op && row.variant == variant);
        let at = at.unwrap_or_else(|| {
            let (op, variant) = (op.to_string(), variant.to_string());
            let found = Outcome::default();
            self.rows.push(Open { op, variant, shapes: BTreeSet::new(), measure, found, job: 0 });
            self.rows.len() - 1
        });
        &mut self.rows[at]
    }

    /// The rows of all ops but `running`, which leave.
    pub fn take(&mut self, running: Option<&str>) -> Vec<Row> {
        let device = &self.device;
        let done = self.rows.extract_if(.., |row| Some(row.op.as_str()) != running);
        done.map(|row| row.close(device)).collect()
    }
}

impl Open {
    fn close(self, device: &str) -> Row {
        let Self { op, variant, shapes, measure, found, job } = self;
        let ok = found.passes();
        let worst = found.worst.filter(|_| !ok).map(|(place, worst)| WorstCase { place, worst, job });
        Row {
            op,
            variant,
            device: device.into(),
            cases: found.cases,
            shapes: shapes.len(),
            measure: measure.name(),
            max_error: measure.error(found.max_error).min(WITHOUT_BOUND),
            bar: measure.bar(),
            ok,
            worst,
            problems: found.violations,
        }
    }
}

/// Runs jobs on a device. `before` is told the place of each.
///
/// # Errors
/// [`Error::DeviceLost`].
pub fn suite(device: &Device, jobs: &[Job], mut before: impl FnMut(usize)) -> Result<Vec<Row>> {
    let mut rows = Rows::new(device.name());
    for (place, job) in jobs.iter().enumerate() {
        before(place);
        for finding in run(device, job, &mut |_| {})? {
            rows.add(place, job, finding);
        }
    }
    Ok(rows.take(None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_stand_op_by_op_and_none_is_left_out() {
        let all = jobs(|_| true);
        assert_eq!(all.len(), FAMILIES.iter().map(|family| (family.cases)().len()).sum::<usize>());
        let mut ops: Vec<&str> = all.iter().map(Job::op).collect();
        ops.dedup();
        assert_eq!(ops.len(), ops.iter().collect::<BTreeSet<_>>().len(), "{ops:?}");
        assert!(jobs(|op| op == "relu").iter().all(|job| job.op() == "relu"));
    }

    #[test]
    fn a_row_is_in_the_measure_of_its_op() {
        let all = jobs(|op| op == "sigmoid");
        let mut rows = Rows::new("here");
        let finding = |share: f64| {
            let outcome = Outcome { cases: 2, max_error: share, ..Outcome::default() };
            Finding { variant: "default".into(), outcome }
        };
        rows.add(0, &all[0], finding(0.0));
        rows.fail(&all[1], "default", "it stopped".into());
        assert!(rows.take(Some("sigmoid")).is_empty());
        let [row] = &rows.take(None)[..] else { panic!("one row") };
        assert_eq!((row.cases, row.shapes, row.bar, row.ok), (2, 1, 4.0, false));
        assert_eq!((row.measure, &row.problems[..]), ("ulp", &["it stopped".to_string()][..]));
    }
}

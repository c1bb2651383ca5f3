//! Elements dropped at random, the same ones on every device.

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Builder, Float, Launch, Measure, Node, OpDef, Param, Site, StepState, Tolerance, Value, Variant, shader,
};
use crate::ops::case::{Case, EDGES};
use crate::ops::{arity, float};
use crate::random::{Philox, Purpose, stream};
use crate::shape::Type;

/// The op `y[e] = x[e] / (1 − rate)` where word e of a random stream is at least `rate · 2³²`, else 0, NaN too.
///
/// The words are those of [`Philox`] for the seed, [`Purpose::Dropout`] and the stream of layer and step, so the
/// elements that are kept depend on nothing else: not on the device, and not on the values. The factor is rounded to
/// f32 once, on every device. Source: Keras' `Dropout`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// The share of elements that are dropped: above 0, at most 1.
    pub rate: f64,
    /// The seed of the run.
    pub seed: u64,
    /// The place in the model: each dropout has one of its own.
    pub layer: u32,
    /// The columns of the step table with the step's number: its lower 24 bits, and the 8 bits above them.
    pub step: [usize; 2],
}

/// `x / (1 − rate)` where kept, else 0: x f32, any shape. Kept is another share of the elements in each step, counted
/// from 0 over all epochs, and in each `layer`.
///
/// A rate of 0 gives x itself, one of 1 zeros. For steps of training alone.
///
/// # Errors
/// [`Error::Argument`] for a rate outside of 0 to 1, [`Error::Shape`] for a value of another dtype than f32.
pub fn dropout(g: &Builder, x: Value, rate: f64, seed: u64, layer: u32) -> Result<Value> {
    if !(0.0..=1.0).contains(&rate) {
        return Err(Error::argument("rate", "0 to 1", rate));
    }
    if dropped(rate) == 0 {
        return Ok(x);
    }
    let step = [
        g.shared_column("step, lower 24 bits", |step| (step & 0xff_ffff) as f64),
        g.shared_column("step, upper 8 bits", |step| (step >> 24 & 0xff) as f64),
    ];
    g.op1(Dropout { rate, seed, layer, step }, &[x])
}

/// How many of 2³² words drop their element: `rate · 2³²`, rounded down.
fn dropped(rate: f64) -> u64 {
    (rate * 2f64.powi(32)) as u64
}

impl Dropout {
    /// The largest word that drops its element.
    fn last_dropped(&self) -> u32 {
        u32::try_from(dropped(self.rate).saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// What kept elements are multiplied by; where none is, 0.
    fn scale(&self) -> f32 {
        if self.rate < 1.0 { (1.0 / (1.0 - self.rate)) as f32 } else { 0.0 }
    }

    /// The step's number, from the step table.
    fn step_number<F: Float>(&self, step: &StepState<F>) -> u32 {
        let [low, high] = self.step.map(|column| step.column(column).to_f64() as u32);
        low | high << 24
    }
}

impl OpDef for Dropout {
    fn name(&self) -> &str {
        "dropout"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [x] = arity("dropout", inputs)?;
        Ok(vec![float("dropout", "x", x)?])
    }

    fn gradient(&self, g: &Builder, _: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        Ok(vec![dy[0].map(|dy| g.op1(*self, &[dy])).transpose()?])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let stream = stream(self.layer, self.step_number(args.step));
        let mut words = Philox::new(self.seed, Purpose::Dropout, stream);
        let (last, scale) = (self.last_dropped(), F::of(self.scale().into()));
        for (y, &x) in args.outputs[0].float_mut().iter_mut().zip(args.inputs.float(0)) {
            *y = if words.word() > last { scale * x } else { F::ZERO };
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Ulps(1.0)
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let exact = |y: f64, bar: f64| if y == 0.0 { 0.0 } else { bar };
        vec![case.ulps(0, 1.0).into_iter().zip(case.outputs[0].float()).map(|(bar, &y)| exact(y, bar)).collect()]
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let len = site.outputs[0].len();
        let launch = Launch::new(shader!("dropout.wgsl"))
            .input(0)
            .bind(Bind::Step)
            .output(0)
            .size("len", len)
            .param("seed_low", Param::U32(self.seed as u32))
            .param("seed_high", Param::U32((self.seed >> 32) as u32))
            .param("layer", Param::U32(self.layer))
            .param("purpose", Param::U32(Purpose::Dropout as u32))
            .param("last_dropped", Param::U32(self.last_dropped()))
            .param("scale", Param::F32(self.scale()))
            .size("step_low", self.step[0])
            .size("step_high", self.step[1])
            .param("step_width", Param::StepWidth)
            .cost(len.div_ceil(256) as u64, 14, len as u64);
        Ok(Variant::only(launch))
    }
}

/// Cases of each size at several rates, seeds, layers and steps.
pub fn cases() -> Vec<Case> {
    let rates = [0.5, 0.1, 0.999, 1.0, 2f64.powi(-32)];
    let case = |i: usize, ty: Type| {
        let (seed, layer) = ([7, u64::MAX, 1 << 40][i % 3], [0, 5, u32::MAX][i % 3]);
        let op = Dropout { rate: rates[i % rates.len()], seed, layer, step: [0, 1] };
        Case::new(op, [ty]).columns(&[[0.0, 16_777_215.0, 3.0][i % 3], [0.0, 255.0][i % 2]])
    };
    let edges = EDGES
        .iter()
        .enumerate()
        .flat_map(|(i, &n)| [case(i, Type::f32([n])), case(i + 1, Type::f32([n, 3]).batched(true)).rows(n / 2, n)]);
    // The first element's word is the last one that drops, and the first one that does not.
    let word = Philox::new(7, Purpose::Dropout, stream(0, 0)).word();
    let bounds = [1.0, 0.0].map(|more| {
        let rate = (f64::from(word) + more) / 2f64.powi(32);
        Case::new(Dropout { rate, seed: 7, layer: 0, step: [0, 1] }, [Type::f32([5])]).columns(&[0.0, 0.0])
    });
    edges.chain(bounds).collect()
}

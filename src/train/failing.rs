//! A training in which each call into wgpu fails in turn: an error, never a panic, a hang or a step that is not what it
//! should be.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::device::Device;
use crate::error::{Error, Result};
use crate::layers::{Dense, Layer};
use crate::losses::MeanSquaredError;
use crate::model::{Model, Sequential};
use crate::optimizers::Sgd;
use crate::runtime::shim::{self, Plan, Way};
use crate::runtime::tests::each_adapter;
use crate::runtime::{Adapter, Gpu};
use crate::tensor::Tensor;
use crate::train::{Fit, Verbosity};

const STEPS: usize = 3;
const BATCH: usize = 4;
/// A call that fails must not keep the program longer.
const MOST: Duration = Duration::from_secs(60);

type State = Vec<Vec<u32>>;

fn model(device: &Device) -> Result<Model> {
    let mut model = Sequential::new().add(Dense::new(1).input_shape([2])).seed(1).build(device)?;
    model.compile(Sgd::new(0.1), MeanSquaredError, ["mse"; 0])?;
    Ok(model)
}

fn state(model: &Model) -> Result<State> {
    let bits = |name: &str| Ok(model.weight(name)?.to_f32().iter().map(|v| v.to_bits()).collect());
    model.weight_names().into_iter().map(bits).collect()
}

/// A training of some steps on a device that is opened for it; gives the state at its end, and what the training said.
fn train(adapter: &Adapter, steps: usize) -> Result<(Result<Vec<f64>>, State)> {
    let mut model = model(&Device::gpu(Gpu::open(adapter)?))?;
    let rows = steps * BATCH;
    let x = Tensor::new([rows, 2], (0..2 * rows).map(|i| (i * 7 % 5) as f32 - 2.0).collect())?;
    let y = Tensor::new([rows, 1], (0..rows).map(|i| (i % 3) as f32).collect())?;
    let fit = Fit::epochs(1).batch_size(BATCH).shuffle(false).verbosity(Verbosity::Silent);
    let losses = match steps {
        0 => Ok(vec![]),
        _ => model.fit(x, y, fit).map(|history| history.get("loss")),
    };
    Ok((losses, state(&model)?))
}

/// Lets every call fail in turn; gives their number.
fn each_call_fails(adapter: &Adapter, only: Option<&'static str>, way: Way) -> usize {
    let good: Vec<State> = (0..=STEPS).map(|steps| train(adapter, steps).expect("a training").1).collect();
    let losses = train(adapter, STEPS).expect("a training").0.expect("losses");
    let (mut lost, mut refused) = (0, 0);
    for after in 0.. {
        shim::set(Some(Plan { only, after, way }));
        let start = Instant::now();
        let trained = catch_unwind(AssertUnwindSafe(|| train(adapter, STEPS)));
        if shim::set(None) {
            // It makes no more calls than that.
            assert!(
                if way == Way::Refuse { refused > 20 } else { lost > 2 },
                "{way:?}: {lost} lost, {refused} refused"
            );
            return after;
        }
        let what = format!("{way:?} of call {after} ({only:?})");
        assert!(start.elapsed() < MOST, "{what}: {:?}", start.elapsed());
        match trained.unwrap_or_else(|_| panic!("{what}: it panicked")) {
            Ok((Ok(said), state)) => assert_eq!((&said, &state), (&losses, &good[STEPS]), "{what}"),
            Ok((Err(error), state)) => assert!(good.contains(&state), "{what}: {error}: a bad step was accepted"),
            Err(Error::DeviceLost { .. }) => lost += 1,
            Err(Error::Device { .. }) if way == Way::Refuse => refused += 1,
            Err(error) => panic!("{what}: {error}"),
        }
    }
    0
}

#[test]
fn every_call_into_wgpu_may_fail() {
    each_adapter(|adapter| {
        let all = [Way::Panic, Way::Refuse].map(|way| each_call_fails(adapter, None, way));
        let submissions = each_call_fails(adapter, Some("Queue::submit"), Way::Swallow);
        println!("{}: {all:?} calls and {submissions} submissions failed in turn", adapter.info().name);
        assert!(all[0] > 50 && all[1] > 50 && submissions > 2, "{all:?}, {submissions}");
    });
}

//! Kernels of a program's own in a model: those that are right train on every device, wrong ones are refused at `compile`
//! with the worst point.

mod common;

use wgrad::graph::{Args, Launch, Measure, Node, OpDef, Site, Source, Tolerance, Variant};
use wgrad::prelude::*;

/// `x / √(1 + x²)`, its WGSL and its derivatives right or wrong.
struct Isru<const WRONG: u8>;

const NOTHING: u8 = 0;
const KERNEL: u8 = 1;
const DERIVATIVE: u8 = 2;
const BOTH_DERIVATIVES: u8 = 3;
const NO_WGSL: u8 = 4;

impl<const WRONG: u8> Elementwise for Isru<WRONG> {
    const NAME: &'static str = ["isru", "isru_a", "isru_b", "isru_c", "isru_d"][WRONG as usize];
    const F: &'static str = match WRONG {
        KERNEL => "select(x, 1.5 * x, x > 1.0) * inverseSqrt(1.0 + x * x)",
        NO_WGSL => "x * inverse_sqrt(1.0 + x * x)",
        _ => "x * inverseSqrt(1.0 + x * x)",
    };
    const DF: &'static str = match WRONG {
        DERIVATIVE | BOTH_DERIVATIVES => "inverseSqrt(1.0 + x * x)",
        _ => "inverseSqrt(1.0 + x * x) / (1.0 + x * x)",
    };
    fn f<F: Float>(x: F) -> F {
        x / (F::ONE + x * x).sqrt()
    }
    fn df<F: Float>(x: F) -> F {
        let root = F::ONE / (F::ONE + x * x).sqrt();
        if WRONG == BOTH_DERIVATIVES { root } else { root / (F::ONE + x * x) }
    }
}

fn ramp(rows: usize, cols: usize) -> Tensor {
    let values = (0..rows * cols).map(|i| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0);
    Tensor::new([rows, cols], values.collect()).unwrap()
}

fn model(device: &Device, placed: Placed) -> Model {
    let model = Sequential::new().add(Dense::new(5).input_shape([3])).add(placed);
    model.add(Dense::new(1)).seed(1).build(device).unwrap()
}

fn compiled(device: &Device, placed: impl Into<Placed>) -> Result<Model> {
    let mut model = model(device, placed.into());
    model.compile(Sgd::new(0.1), MeanSquaredError, ["mae"])?;
    Ok(model)
}

/// Losses of a training.
fn trained(mut model: Model) -> Vec<f64> {
    let fit = Fit::epochs(4).batch_size(8).shuffle(false).verbosity(Verbosity::Silent);
    model.fit(ramp(21, 3), ramp(21, 1), fit).unwrap().get("loss")
}

fn dense<const WRONG: u8>() -> Dense {
    Dense::new(9).activation(Custom(Isru::<WRONG>))
}

#[test]
fn a_function_of_ones_own_trains_like_on_the_oracle() {
    let exact = trained(compiled(&Device::cpu_f64(), dense::<NOTHING>()).unwrap());
    assert!(exact[3] < exact[0]);
    common::on_every_device("a_function_of_ones_own_trains_like_on_the_oracle", |device| {
        for placed in [dense::<NOTHING>().into(), Placed::from(Cubed)] {
            let exact = trained(compiled(&Device::cpu_f64(), placed.clone()).unwrap());
            let losses = trained(compiled(device, placed).unwrap());
            let near = losses.iter().zip(&exact).all(|(a, b)| (a / b - 1.0).abs() < 1e-4);
            assert!(near, "{device}: {losses:?} {exact:?}");
        }
    });
}

#[test]
fn a_wrong_derivative_is_refused_with_the_worst_point() {
    common::on_every_device("a_wrong_derivative_is_refused_with_the_worst_point", |device| {
        let error = compiled(device, dense::<BOTH_DERIVATIVES>()).unwrap_err();
        assert!(matches!(error, Error::WrongGradient { .. }), "{device}: {error}");
        assert!(error.to_string().contains("differences say"), "{device}: {error}");
    });
}

#[test]
fn a_kernel_that_is_not_the_rust_is_refused_with_the_worst_point() {
    common::on_every_device("a_kernel_that_is_not_the_rust_is_refused_with_the_worst_point", |device| {
        let is_gpu = device.adapter().is_some();
        for (error, op) in [
            (compiled(device, dense::<KERNEL>()), "dense"),
            (compiled(device, dense::<DERIVATIVE>()), "dense_backward"),
            (compiled(device, Activation::new(Custom(Isru::<KERNEL>))), "isru_a"),
            (compiled(device, Activation::new(Custom(Isru::<DERIVATIVE>))), "isru_b_backward"),
        ] {
            match error {
                Ok(_) => assert!(!is_gpu, "{device}: {op} was taken"),
                Err(Error::WrongNumber { op: wrong, .. }) => assert_eq!(wrong, op, "{device}"),
                Err(error) => panic!("{device}: {error}"),
            }
        }
        // What is no WGSL is refused by the compiler, with the line.
        let error = compiled(device, dense::<NO_WGSL>()).map(drop);
        assert_eq!(error.is_err(), is_gpu, "{device}");
        if let Err(error) = error {
            assert!(error.to_string().contains("inverse_sqrt"), "{device}: {error}");
        }
    });
}

/// `y = x³`, a whole kernel with a backward kernel.
#[derive(Clone, Copy, Debug)]
struct Cube;

/// `dx = 3 x² dy`.
#[derive(Clone, Copy, Debug)]
struct CubeBackward;

/// A launch of an invocation per element: `inputs` are read, `value` is what element i becomes.
fn launch(name: &'static str, inputs: &[&str], value: &str, len: usize) -> Vec<Variant> {
    let bindings: String = inputs
        .iter()
        .enumerate()
        .map(|(i, x)| format!("@group(0) @binding({i}) var<storage, read> {x}: array<f32>;\n"))
        .collect();
    let output = inputs.len();
    let text = format!(
        "struct Params {{ len: u32 }}
        {bindings}
        @group(0) @binding({output}) var<storage, read_write> y: array<f32>;
        @group(1) @binding(0) var<uniform> params: Params;
        @compute @workgroup_size(64)
        fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>) {{
            let i = id.y * grid.x * 64u + id.x;
            if (i < params.len) {{ y[i] = {value}; }}
        }}"
    );
    let launch = Launch::new(Source::new(name, text.into()));
    let launch = (0..inputs.len()).fold(launch, Launch::input).output(0);
    Variant::only(launch.size("len", len).cost(len.div_ceil(64) as u64, 1, 3 * len as u64))
}

impl OpDef for Cube {
    fn name(&self) -> &str {
        "cube"
    }
    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        Ok(vec![inputs[0].clone()])
    }
    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        Ok(vec![dy[0].map(|dy| g.op1(CubeBackward, &[node.inputs[0], dy])).transpose()?])
    }
    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        args.outputs[0].float_mut().iter_mut().zip(args.inputs.float(0)).for_each(|(y, &x)| *y = x * x * x);
        Ok(())
    }
    fn measure(&self) -> Measure {
        Measure::Parts
    }
    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        vec![case.outputs[0].float().iter().map(|y| 1e-6 * y.abs() + 1e-30).collect()]
    }
    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        Ok(launch("cube", &["x"], "x[i] * x[i] * x[i]", site.outputs[0].len()))
    }
}

impl OpDef for CubeBackward {
    fn name(&self) -> &str {
        "cube_backward"
    }
    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        Ok(vec![inputs[0].clone()])
    }
    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let (x, dy) = (args.inputs.float(0), args.inputs.float(1));
        let dx = args.outputs[0].float_mut().iter_mut();
        dx.zip(x).zip(dy).for_each(|((dx, &x), &dy)| *dx = F::of(3.0) * x * x * dy);
        Ok(())
    }
    fn measure(&self) -> Measure {
        Measure::Parts
    }
    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        Cube.tolerance(case)
    }
    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        Ok(launch("cube_backward", &["x", "dy"], "3.0 * x[i] * x[i] * dy[i]", site.outputs[0].len()))
    }
}

/// The layer of the op.
#[derive(Debug)]
struct Cubed;

impl Layer for Cubed {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        Ok(vec![scope.builder().op1(Cube, x)?])
    }
    fn config(&self) -> Config {
        Config::new("Cubed", ())
    }
}

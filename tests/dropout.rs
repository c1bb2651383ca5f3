//! Dropout: the random words of kernels are those of the host, so that a seed drops the same elements everywhere.

mod common;

use std::borrow::Cow;
use std::sync::Arc;

use wgrad::device::Upload;
use wgrad::graph::{
    Args, Builder, Float, Graph, Launch, Measure, OpDef, Site, Source, StepTable, Tolerance, Value, Variables, Variant,
};
use wgrad::ops::dropout;
use wgrad::program::Options;
use wgrad::random::{Philox, Purpose, philox4x32_10, stream};
use wgrad::{Device, Error, Result, Tensor, Type};

/// The op that gives the four words of each counter and key.
#[derive(Debug)]
struct Words;

const KERNEL: &str = "// uses: lib/grid.wgsl, lib/philox.wgsl
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
struct Params { len: u32 }
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear_group(group, grid) * 64u + lane;
    if (i < params.len) {
        let counter = vec4<u32>(x[6u * i], x[6u * i + 1u], x[6u * i + 2u], x[6u * i + 3u]);
        let words = philox(counter, vec2<u32>(x[6u * i + 4u], x[6u * i + 5u]));
        for (var word = 0u; word < 4u; word++) {
            y[4u * i + word] = words[word];
        }
    }
}";

impl OpDef for Words {
    fn name(&self) -> &str {
        "words"
    }
    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        Ok(vec![Type::u32([inputs[0].shape.dims()[0], 4])])
    }
    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let counters = args.inputs.indices(0).chunks_exact(6);
        for (y, x) in args.outputs[0].indices_mut().chunks_exact_mut(4).zip(counters) {
            y.copy_from_slice(&philox4x32_10([x[0], x[1], x[2], x[3]], [x[4], x[5]]));
        }
        Ok(())
    }
    fn measure(&self) -> Measure {
        Measure::Equal
    }
    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        case.equal()
    }
    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let len = site.outputs[0].shape.dims()[0];
        let source = Source::new("words.wgsl", Cow::Borrowed(KERNEL));
        let launch = Launch::new(source).input(0).output(0).size("len", len);
        Ok(Variant::only(launch.cost(len.div_ceil(64) as u64, 15, 0)))
    }
}

/// What the nodes of a graph without variables leave in `outputs`, in the step of the number `step`.
fn run(device: &Device, graph: Graph, data: &[(Value, Upload<'_>)], step: u64, outputs: &[Value]) -> Vec<Vec<f64>> {
    let graph = Arc::new(graph);
    let storage = device.storage(&graph.variables, &Options::default()).unwrap();
    let mut executable = device.load(&graph, &storage, &Options::default()).unwrap();
    data.iter().for_each(|(value, data)| executable.upload(*value, *data).unwrap());
    let columns = graph.columns.iter().map(|column| (column.rule)(step)).collect();
    executable.begin(&StepTable { rows: vec![1], columns: vec![columns], first: 0 }).unwrap();
    (0..graph.nodes.len()).for_each(|node| executable.run_node(node).unwrap());
    let download = |&value: &Value| {
        let buffer = executable.download(value).unwrap();
        buffer.float().iter().copied().chain(buffer.indices().iter().map(|&i| i.into())).collect()
    };
    outputs.iter().map(download).collect()
}

/// The known answers of Random123 (`kat_vectors`, philox4x32, 10 rounds), then words against the host's, whose counters
/// and keys have all bits in all places.
#[test]
fn kernels_give_the_known_answers() {
    let answers: [([u32; 6], [u32; 4]); 3] = [
        ([0; 6], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
        ([u32::MAX; 6], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
        (
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344, 0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        ),
    ];
    let mut random = Philox::new(1, Purpose::Initializer, 0);
    let more: Vec<[u32; 6]> = (0..10_000).map(|_| std::array::from_fn(|_| random.word())).collect();
    let answer = |x: &[u32; 6]| philox4x32_10([x[0], x[1], x[2], x[3]], [x[4], x[5]]);
    let all = answers.iter().copied().chain(more.iter().map(|x| (*x, answer(x))));
    let (counters, words): (Vec<[u32; 6]>, Vec<[u32; 4]>) = all.unzip();
    common::on_every_device("kernels_give_the_known_answers", |device| {
        let g = Builder::new(Arc::new(Variables::default()));
        let x = g.data(Type::u32([counters.len(), 6]));
        let y = g.op1(Words, &[x]).unwrap();
        g.output(y);
        let got = run(device, g.finish(), &[(x, Upload::Index(counters.as_flattened()))], 0, &[y]);
        let want: Vec<f64> = words.as_flattened().iter().map(|&word| word.into()).collect();
        assert!(got[0] == want, "{device}");
    });
}

#[test]
fn the_elements_that_are_kept_are_those_of_the_host() {
    const N: usize = 1027;
    const RATE: f64 = 0.3;
    let layers = [0, 1, 77];
    common::on_every_device("the_elements_that_are_kept_are_those_of_the_host", |device| {
        // Both columns, and the last step before they begin anew.
        for step in [0, 1, 5, 0xff_ffff, 0x100_0000, 0x1234_5678, 0xffff_ffff, 0x1_0000_0003] {
            let seed = 0x0123_4567_89ab_cdef ^ step;
            let g = Builder::new(Arc::new(Variables::default()));
            let x = g.data(Type::f32([N]));
            let outputs = layers.map(|layer| dropout(&g, x, RATE, seed, layer).unwrap());
            outputs.iter().for_each(|&y| g.output(y));
            let graph = g.finish();
            assert_eq!(graph.columns.len(), 2, "all dropouts read the same columns");
            let ones = Tensor::full([N], 1.0).unwrap();
            let got = run(device, graph, &[(x, Upload::Tensor(&ones))], step, &outputs);
            for (layer, got) in layers.into_iter().zip(got) {
                let mut words = Philox::new(seed, Purpose::Dropout, stream(layer, step as u32));
                let kept = |_| f64::from(words.word()) >= RATE * 2f64.powi(32);
                let want: Vec<f64> = (0..N).map(kept).map(|kept| if kept { 1.0 / 0.7 } else { 0.0 }).collect();
                let same = got.iter().zip(&want).all(|(got, want)| (got - want).abs() <= 2e-7 * want);
                assert!(same, "{device}, layer {layer}, step {step}");
                let share = got.iter().filter(|&&y| y == 0.0).count() as f64 / N as f64;
                // Six standard deviations.
                assert!((share - RATE).abs() < 6.0 * (RATE * (1.0 - RATE) / N as f64).sqrt(), "{share}");
            }
        }
    });
}

#[test]
fn rates_of_0_and_1_and_outside() {
    let g = Builder::new(Arc::new(Variables::default()));
    let x = g.data(Type::f32([5]));
    assert_eq!(dropout(&g, x, 0.0, 1, 0).unwrap(), x);
    assert_eq!(dropout(&g, x, 1e-11, 1, 0).unwrap(), x, "less than one word of all");
    for rate in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(dropout(&g, x, rate, 1, 0), Err(Error::Argument { .. })), "{rate}");
    }
    let y = dropout(&g, x, 1.0, 1, 0).unwrap();
    g.output(y);
    let numbers = Tensor::new([5], vec![1.0, -2.0, f32::INFINITY, f32::NAN, 0.5]).unwrap();
    let got = run(&Device::cpu(), g.finish(), &[(x, Upload::Tensor(&numbers))], 3, &[y]);
    assert_eq!(got, [[0.0; 5]]);
}

//! A step is made once and replayed: the same traffic however long a run is, the same bits however its memory is planned and
//! its submissions are cut.

mod common;

mod replay {
    use std::sync::Arc;

    use wgrad::check::nodes;
    use wgrad::device::{Executable, Storage, Upload};
    use wgrad::graph::{Graph, Report, StepTable, VariableKind, Variables};
    use wgrad::ops::{Targets, check_finite, row_gather, step_end};
    use wgrad::prelude::*;
    use wgrad::program::{Options, Reuse};

    const BATCH: usize = 8;
    const FEATURES: usize = 5;

    /// A model with elementwise neighbours, a normalisation that keeps averages, and dropout.
    fn model() -> Model {
        let mut model = Sequential::new()
            .seed(5)
            .add(Rescaling::new(0.5).offset(-0.25).input_shape([FEATURES]))
            .add(Activation::new(Tanh))
            .add(Dense::new(9).activation(Relu))
            .add(BatchNormalization::new())
            .add(Activation::new(Silu))
            .add(Rescaling::new(1.5))
            .add(Dropout::new(0.25))
            .add(Dense::new(6))
            .add(LayerNormalization::new())
            .add(Dense::new(1).activation(Sigmoid))
            .build(&Device::cpu())
            .unwrap();
        model.compile(Adam::new(0.01), BinaryCrossentropy::default(), ["accuracy"]).unwrap();
        model
    }

    /// The training step of a model for some steps of `BATCH` rows each, made of public pieces.
    fn traced(model: &Model, steps: usize) -> Arc<Graph> {
        let rows = steps * BATCH;
        let g = Builder::new(Arc::new(model.variables().clone()));
        let data = [Type::f32([rows, FEATURES]), Type::f32([rows, 1]), Type::f32([rows])].map(|ty| g.data(ty));
        let permutation = g.data(Type::u32([rows]));
        let [x, y, weights] = data.map(|data| row_gather(&g, data, permutation, BATCH).unwrap());
        let p = model.call(&g, &[x], true).unwrap()[0];
        let column = g.column("loss weight", |_| 1.0);
        let targets = Targets { y, weights };
        let loss = Loss::call(&BinaryCrossentropy::default(), &g, p, targets, Some(column)).unwrap();
        let places = |kind| model.variables().iter().enumerate().filter(move |(_, v)| v.kind == kind).map(|(i, _)| i);
        let of = |kind| places(kind).map(|i| g.variable(i).unwrap()).collect::<Vec<_>>();
        let (parameters, moments) = (of(VariableKind::Parameter), of(VariableKind::Moment));
        let gradients = g.gradients(&[(loss.prediction, loss.gradient)], &parameters).unwrap();
        let gradients: Vec<Value> = gradients.into_iter().map(|d| check_finite(&g, d.unwrap()).unwrap()).collect();
        let after = Adam::new(0.01).apply(&g, &parameters, &gradients, &moments).unwrap();
        let of_both = places(VariableKind::Parameter).chain(places(VariableKind::Moment));
        of_both.zip(after).for_each(|(index, value)| g.write(index, value));
        g.report(Report::mean("loss", loss.sums, 1));
        step_end(&g, steps).unwrap();
        Arc::new(g.finish())
    }

    /// The graph on a device, with the model's first weights and data that is far from equal, at its first step.
    fn ready(device: &Device, graph: &Arc<Graph>, options: &Options) -> (Box<dyn Executable>, Storage) {
        let storage = device.storage(&graph.variables, options).unwrap();
        let first = model();
        for (index, variable) in graph.variables.iter().enumerate() {
            if variable.kind != VariableKind::Moment {
                storage.write(index, &first.weight(&variable.name).unwrap()).unwrap();
            }
        }
        let mut run = device.load(graph, &storage, options).unwrap();
        let [x, y, weights, permutation] = graph.data[..] else { panic!("four") };
        let rows = graph.ty(permutation).len();
        let values = (0..rows * FEATURES).map(|i| (i * 37 % 101) as f32 / 25.0 - 2.0).collect();
        let tensors = [
            Tensor::new([rows, FEATURES], values).unwrap(),
            Tensor::new([rows, 1], (0..rows).map(|i| (i * 7 % 3 % 2) as f32).collect()).unwrap(),
            Tensor::full([rows], 1.0).unwrap(),
        ];
        for (value, tensor) in [x, y, weights].into_iter().zip(&tensors) {
            run.upload(value, Upload::Tensor(tensor)).unwrap();
        }
        let order: Vec<u32> = (0..rows as u32).rev().collect();
        run.upload(permutation, Upload::Index(&order)).unwrap();
        let steps = rows / BATCH;
        let column = |step: usize| graph.columns.iter().map(|column| (column.rule)(step as u64)).collect();
        // The last batch is a smaller one.
        let rows = (0..steps).map(|step| if step + 1 == steps { 3 } else { BATCH as u32 }).collect();
        run.begin(&StepTable { rows, columns: (0..steps).map(column).collect(), first: 0 }).unwrap();
        (run, storage)
    }

    /// Runs all steps, at most `most` a submission. Gives the most that a submission had, and the losses of all steps.
    fn all(run: &mut dyn Executable, steps: usize, most: u32) -> (u32, Vec<f64>) {
        let (mut largest, mut losses) = (0, vec![]);
        loop {
            let sent = run.submit(most).unwrap();
            largest = largest.max(sent);
            let status = run.poll(sent == 0).unwrap();
            assert_eq!(status.words.halt, 0);
            losses.extend(status.rows.iter().map(|row| row.sums[0]));
            if losses.len() == steps {
                return (largest, losses);
            }
        }
    }

    fn state(storage: &Storage, variables: &Variables) -> Vec<Vec<u32>> {
        let bits = |(i, v): (usize, &wgrad::graph::Variable)| {
            storage.read(i, &v.ty).unwrap().to_f32().iter().map(|v| v.to_bits()).collect()
        };
        variables.iter().enumerate().map(bits).collect()
    }

    /// The state and the losses after all steps.
    fn trained(device: &Device, graph: &Arc<Graph>, options: &Options, most: u32) -> (u32, Vec<f64>, Vec<Vec<u32>>) {
        let (mut run, storage) = ready(device, graph, options);
        let (largest, losses) = all(&mut *run, graph.steps(), most);
        drop(run);
        (largest, losses, state(&storage, &graph.variables))
    }

    #[test]
    fn the_traffic_of_ten_steps_is_that_of_a_thousand() {
        let name = "replay::the_traffic_of_ten_steps_is_that_of_a_thousand";
        super::common::on_every_adapter(name, |device| {
            let graph = traced(&model(), 1000);
            let (mut run, _storage) = ready(device, &graph, &Options::default());
            let (mut done, mut after_ten) = (0, None);
            while done < 1000 {
                let sent = run.submit(if done < 10 { 1 } else { 1000 - done }).unwrap();
                run.poll(sent == 0).unwrap();
                done += sent;
                if done == 10 {
                    after_ten = device.counters();
                }
            }
            while run.poll(true).unwrap().in_flight > 0 {}
            let (before, after) = (after_ten.unwrap(), device.counters().unwrap());
            assert_eq!((before.uploads, before.upload_bytes), (after.uploads, after.upload_bytes), "{device}");
            assert_eq!((before.buffers, before.bytes_allocated), (after.buffers, after.bytes_allocated), "{device}");
            assert_eq!(before.pipelines, after.pipelines, "{device}");
            let launches = run.program().unwrap().launches().count() as u64;
            assert_eq!(after.dispatches - before.dispatches, 990 * launches, "{device}");
        });
    }

    #[test]
    fn planned_equals_unplanned_bit_for_bit() {
        super::common::on_every_device("replay::planned_equals_unplanned_bit_for_bit", |device| {
            let graph = traced(&model(), 12);
            let off = Options { reuse: Reuse::Off, ..Options::default() };
            let (planned, unplanned) = (Options::default(), off);
            let arenas = |options: &Options| {
                ready(device, &graph, options).0.program().map_or(0, |program| program.memory_bytes())
            };
            assert!(arenas(&planned) < arenas(&unplanned), "{device}: memory is shared");
            let [planned, unplanned] = [planned, unplanned].map(|options| trained(device, &graph, &options, 64));
            assert_eq!(planned.1, unplanned.1, "{device}: losses");
            assert_eq!(planned.2, unplanned.2, "{device}: state");
            assert_eq!(planned.1.len(), 12);
        });
    }

    /// Bytes that a device holds for a model after an epoch of one batch of 256 rows of 256 numbers.
    fn held(device: &Device, rows: &(Tensor, Tensor), validated: bool) -> u64 {
        let wide = |model: Sequential, _| model.add(Dense::new(256).activation(Tanh));
        let model = (0..4).fold(Sequential::new().add(Dense::new(256).input_shape([256])), wide);
        let mut model = model.add(Dense::new(1)).build(device).unwrap();
        model.compile(Sgd::new(0.01), MeanSquaredError, ["mse"; 0]).unwrap();
        let fit = Fit::epochs(1).batch_size(256).verbosity(Verbosity::Silent);
        let fit = if validated { fit.validation_data(&rows.0, &rows.1).unwrap() } else { fit };
        model.fit(&rows.0, &rows.1, fit).unwrap();
        device.counters().unwrap().bytes_allocated
    }

    #[test]
    fn validation_lives_in_the_memory_of_training() {
        super::common::on_every_adapter("replay::validation_lives_in_the_memory_of_training", |device| {
            let rows = (Tensor::full([256, 256], 0.5).unwrap(), Tensor::full([256, 1], 1.0).unwrap());
            let [without, with] = [false, true].map(|validated| held(device, &rows, validated));
            let (data, activation) = (4 * 256 * (256 + 3), 4 * 256 * 256);
            assert!(with > without + data && with < without + data + activation / 2, "{device}: {without} {with}");
        });
    }

    #[test]
    fn steps_of_a_submission_do_not_change_a_bit() {
        super::common::on_every_device("replay::steps_of_a_submission_do_not_change_a_bit", |device| {
            let graph = traced(&model(), 200);
            let runs = [1, 3, 64].map(|most| trained(device, &graph, &Options::default(), most));
            assert_eq!((runs[0].0, runs[1].0), (1, 3), "{device}");
            assert!(runs[2].0 > 3, "{device}: {} steps", runs[2].0);
            for run in &runs[1..] {
                assert_eq!((&run.1, &run.2), (&runs[0].1, &runs[0].2), "{device}");
            }
            assert!(runs[0].1[150..].iter().sum::<f64>() < runs[0].1[..50].iter().sum::<f64>(), "{device}: it trains");
        });
    }

    #[test]
    fn every_node_of_an_unplanned_step_holds_its_bar() {
        super::common::on_every_device("replay::every_node_of_an_unplanned_step_holds_its_bar", |device| {
            let graph = traced(&model(), 3);
            for apart in [false, true] {
                let options = Options { reuse: Reuse::Off, apart, ..Options::default() };
                let (mut run, _storage) = ready(device, &graph, &options);
                for _ in 0..3 {
                    for outcome in nodes(&mut *run, &graph).unwrap() {
                        assert!(outcome.passes(), "{device}: {outcome}");
                    }
                }
                assert_eq!(run.step().unwrap().words.step, 3, "{device}");
            }
        });
    }
}

mod replay_takes_no_memory {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::cell::Cell;
    use std::time::Duration;

    use wgrad::device::Upload;
    use wgrad::graph::StepTable;
    use wgrad::prelude::*;
    use wgrad::program::Options;

    /// The system's allocator, which counts what a thread asks for.
    struct Counting;

    thread_local! {
        static ASKED: Cell<usize> = const { Cell::new(0) };
    }

    fn count() {
        let _ = ASKED.try_with(|asked| asked.set(asked.get() + 1));
    }

    // SAFETY: all is the system's own.
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            count();
            // SAFETY: the caller's.
            unsafe { System.alloc(layout) }
        }
        unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
            // SAFETY: the caller's.
            unsafe { System.dealloc(place, layout) }
        }
        unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            count();
            // SAFETY: the caller's.
            unsafe { System.realloc(place, layout, size) }
        }
    }

    #[global_allocator]
    static COUNTING: Counting = Counting;

    /// What the steps of a model ask the allocator for on the CPU, from the second one on.
    fn asked(model: &Model, batch: usize) -> usize {
        let (device, options) = (Device::cpu(), Options::default());
        let graph = model.explain(batch).unwrap().graph;
        let storage = device.storage(&graph.variables, &options).unwrap();
        for (index, variable) in graph.variables.iter().enumerate() {
            let values = (0..variable.ty.len()).map(|i| (i * 37 % 101) as f32 / 200.0 + 0.01).collect();
            storage.write(index, &Tensor::new(variable.ty.shape.clone(), values).unwrap()).unwrap();
        }
        let mut run = device.load(&graph, &storage, &options).unwrap();
        for &value in &graph.data {
            let ty = graph.ty(value);
            let rows = ty.shape.dims().first().copied().unwrap_or(1) as u32;
            match ty.dtype {
                Dtype::U32 => run.upload(value, Upload::Index(&(0..rows).collect::<Vec<_>>())).unwrap(),
                Dtype::F32 => {
                    let tensor = Tensor::full(ty.shape.clone(), 1.0).unwrap();
                    run.upload(value, Upload::Tensor(&tensor)).unwrap();
                }
            }
        }
        run.pace(Duration::MAX, Duration::MAX);
        let steps = graph.steps();
        let columns = vec![vec![0.01; graph.columns.len()]; steps];
        let table = StepTable { rows: vec![batch as u32; steps], columns, first: 0 };
        let mut counted = 0;
        for pass in 0..50 {
            run.begin(&table).unwrap();
            let before = ASKED.get();
            let mut sent = 0;
            while sent < steps as u32 {
                sent += run.submit(steps as u32 - sent).unwrap();
            }
            if pass > 0 {
                counted += ASKED.get() - before;
            }
            let status = run.poll(true).unwrap();
            assert_eq!((status.words.step, status.rows.len()), (steps as u32, steps), "{:?}", status.words);
        }
        counted
    }

    fn compiled(model: Sequential, optimizer: impl Optimizer + 'static, loss: impl Loss + 'static) -> Model {
        let mut model = model.build(&Device::cpu()).unwrap();
        model.compile(optimizer, loss, ["accuracy"]).unwrap();
        model
    }

    #[test]
    fn the_allocator_is_counted() {
        let before = ASKED.get();
        drop(std::hint::black_box(vec![0u8; 100]));
        assert_eq!(ASKED.get() - before, 1);
    }

    #[test]
    fn a_step_of_a_classifier_takes_no_memory() {
        let hidden = |units| Dense::new(units).activation(Relu);
        let two = Sequential::new().add(hidden(64).input_shape([10])).add(hidden(32));
        let two = two.add(Dense::new(1).activation(Sigmoid));
        assert_eq!(asked(&compiled(two, Adam::default(), BinaryCrossentropy::default()), 32), 0);
        // Large enough for the team.
        let ten = Sequential::new().add(hidden(256).input_shape([300])).add(hidden(200));
        let ten = ten.add(Dense::new(10).activation(Softmax));
        assert_eq!(asked(&compiled(ten, Adam::default(), SparseCategoricalCrossentropy::default()), 128), 0);
    }

    #[test]
    fn a_step_of_other_layers_takes_no_memory() {
        let model = Sequential::new()
            .add(Dense::new(24).input_shape([10]))
            .add(LayerNormalization::default())
            .add(Activation::new(Silu))
            .add(Dense::new(12).activation(Tanh))
            .add(BatchNormalization::default())
            .add(Dropout::new(0.2))
            .add(Dense::new(3));
        assert_eq!(asked(&compiled(model, AdamW::default(), MeanSquaredError), 16), 0);
    }
}

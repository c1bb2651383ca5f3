//! A step that is replayed costs nothing but its work.

mod no_allocation {
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

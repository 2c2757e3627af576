//! How much an artifact may claim before it is refused.

/// Bounds on what a reader decodes and builds. The defaults carry the largest models that we know, several times over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one metadata document.
    pub metadata_bytes_max: usize,
    /// Bytes of one document that holds a whole model.
    pub document_bytes_max: usize,
    /// Bytes of all tables together, once decoded.
    pub decoded_bytes_max: usize,
    /// Steps of a pipeline, those of nested ones included.
    pub stages_max: usize,
    /// Columns by name: inputs, and what stages add.
    pub columns_max: usize,
    /// Pipelines within pipelines.
    pub depth_max: usize,
    /// Nodes of all trees of one ensemble.
    pub nodes_max: usize,
    /// Numbers of one vector or matrix that is written out in full.
    pub values_max: usize,
    /// Nodes of all graphs of a model, those of functions once for each call.
    pub graph_nodes_max: usize,
    /// Steps of one loop of a model's graph, as the plan is made.
    pub loop_steps_max: u64,
    /// Names of values, attributes and tensors in all graphs of a model.
    pub graph_names_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            metadata_bytes_max: 64 << 20,
            document_bytes_max: 512 << 20,
            decoded_bytes_max: 1 << 30,
            stages_max: 10_000,
            columns_max: 200_000,
            depth_max: 32,
            nodes_max: 10_000_000,
            values_max: 1 << 28,
            graph_nodes_max: 200_000,
            loop_steps_max: 200_000,
            graph_names_max: 2_000_000,
        }
    }
}

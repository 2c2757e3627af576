//! The limits of the readers, and how they read, as the configuration writes it: `formats` itself knows no serialisation.

use formats::Limits;
use serde::{Deserialize, Serialize};

/// The table `[formats]`: how much an artifact may claim before it is refused, and how it is read. Needs a restart to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Formats {
    /// Bytes of one metadata document.
    pub metadata_bytes_max: usize,
    /// Bytes of one document that holds a whole model.
    pub document_bytes_max: usize,
    /// Bytes of all tables of an artifact together, once decoded.
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
    /// Nodes of all graphs of a tensor model, those of functions once for each call.
    pub graph_nodes_max: usize,
    /// Steps of one loop of a tensor model; a call that needs more is refused.
    pub loop_steps_max: u64,
    /// Names of values, attributes and tensors in all graphs of a tensor model.
    pub graph_names_max: usize,
    /// The time zone in which SQL's days begin, such as `Europe/Berlin` or `+02:00`, where a model names none.
    pub time_zone: String,
}

impl Default for Formats {
    fn default() -> Formats {
        let Limits {
            metadata_bytes_max,
            document_bytes_max,
            decoded_bytes_max,
            stages_max,
            columns_max,
            depth_max,
            nodes_max,
            values_max,
            graph_nodes_max,
            loop_steps_max,
            graph_names_max,
        } = Limits::default();
        Formats {
            metadata_bytes_max,
            document_bytes_max,
            decoded_bytes_max,
            stages_max,
            columns_max,
            depth_max,
            nodes_max,
            values_max,
            graph_nodes_max,
            loop_steps_max,
            graph_names_max,
            time_zone: "UTC".to_owned(),
        }
    }
}

impl From<Formats> for Limits {
    fn from(formats: Formats) -> Limits {
        Limits {
            metadata_bytes_max: formats.metadata_bytes_max,
            document_bytes_max: formats.document_bytes_max,
            decoded_bytes_max: formats.decoded_bytes_max,
            stages_max: formats.stages_max,
            columns_max: formats.columns_max,
            depth_max: formats.depth_max,
            nodes_max: formats.nodes_max,
            values_max: formats.values_max,
            graph_nodes_max: formats.graph_nodes_max,
            loop_steps_max: formats.loop_steps_max,
            graph_names_max: formats.graph_names_max,
        }
    }
}

//! Columns in the Parquet format, in groups of rows that fit into memory.

use std::{
    io::{self, Write},
    sync::Arc,
};

use parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical},
    column::writer::ColumnWriter,
    data_type::ByteArray,
    errors::ParquetError,
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::SerializedFileWriter,
    },
    schema::types::{Type, TypePtr},
};
use store::ExportedJob;

use super::columns::{COLUMNS, Cell, Column, Kind};

/// Rows of a group.
const GROUP: usize = 2_500;

/// A file that is being written.
pub(super) struct Columns<W: Write + Send> {
    file: SerializedFileWriter<W>,
    waiting: Vec<ExportedJob>,
}

impl<W: Write + Send> Columns<W> {
    pub(super) fn begin(out: W) -> io::Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .build();
        let file = SerializedFileWriter::new(out, schema().map_err(io::Error::other)?, Arc::new(properties))
            .map_err(io::Error::other)?;
        Ok(Self {
            file,
            // One that grows has twice the size at times.
            waiting: Vec::with_capacity(GROUP),
        })
    }

    pub(super) fn add(&mut self, jobs: &[ExportedJob]) -> io::Result<()> {
        self.waiting.extend_from_slice(jobs);
        if self.waiting.len() >= GROUP {
            self.write_group().map_err(io::Error::other)?;
        }
        Ok(())
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        let written = self.write_group().and_then(|()| self.file.close().map(drop));
        written.map_err(io::Error::other)
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        for column in &COLUMNS {
            let mut writer = group
                .next_column()?
                .ok_or_else(|| ParquetError::General(format!("no column {}", column.name)))?;
            write(writer.untyped(), column, &self.waiting)?;
            writer.close()?;
        }
        group.close()?;
        self.waiting.clear();
        Ok(())
    }
}

fn schema() -> Result<TypePtr, ParquetError> {
    let fields: Result<Vec<TypePtr>, _> = COLUMNS
        .iter()
        .map(|column| {
            let (physical, logical) = match column.kind {
                Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
                Kind::Whole => (Physical::INT64, None),
                Kind::Number => (Physical::DOUBLE, None),
                Kind::Truth => (Physical::BOOLEAN, None),
                Kind::Instant => (
                    Physical::INT64,
                    Some(LogicalType::timestamp(true, TimeUnit::MILLIS)),
                ),
            };
            Type::primitive_type_builder(column.name, physical)
                .with_repetition(Repetition::OPTIONAL)
                .with_logical_type(logical)
                .build()
                .map(Arc::new)
        })
        .collect();
    let schema = Type::group_type_builder("jobs").with_fields(fields?).build()?;
    Ok(Arc::new(schema))
}

fn write(writer: &mut ColumnWriter<'_>, column: &Column, jobs: &[ExportedJob]) -> Result<(), ParquetError> {
    let cells: Vec<Cell<'_>> = jobs.iter().map(column.cell).collect();
    let levels: Vec<i16> = cells
        .iter()
        .map(|cell| i16::from(*cell != Cell::Nothing))
        .collect();
    let levels = Some(levels.as_slice());
    match writer {
        ColumnWriter::ByteArrayColumnWriter(writer) => {
            let values: Vec<ByteArray> = cells
                .iter()
                .filter_map(|cell| match cell {
                    Cell::Text(text) => Some(ByteArray::from(text.as_bytes().to_vec())),
                    _ => None,
                })
                .collect();
            writer.write_batch(&values, levels, None)
        }
        ColumnWriter::Int64ColumnWriter(writer) => {
            let values: Vec<i64> = cells
                .iter()
                .filter_map(|cell| match cell {
                    Cell::Whole(number) => Some(*number),
                    Cell::Instant(instant) => Some(instant.as_millisecond()),
                    _ => None,
                })
                .collect();
            writer.write_batch(&values, levels, None)
        }
        ColumnWriter::DoubleColumnWriter(writer) => {
            let values: Vec<f64> = cells
                .iter()
                .filter_map(|cell| match cell {
                    Cell::Number(number) => Some(*number),
                    _ => None,
                })
                .collect();
            writer.write_batch(&values, levels, None)
        }
        ColumnWriter::BoolColumnWriter(writer) => {
            let values: Vec<bool> = cells
                .iter()
                .filter_map(|cell| match cell {
                    Cell::Truth(truth) => Some(*truth),
                    _ => None,
                })
                .collect();
            writer.write_batch(&values, levels, None)
        }
        _ => return Err(ParquetError::General(format!("no kind for {}", column.name))),
    }
    .map(drop)
}

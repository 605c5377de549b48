//! Writes columns in the Parquet format, in groups of rows that fit into memory.
//!
//! A group is encoded as its jobs arrive. Groups should be large, because the metadata of each column of each group,
//! about 750 bytes, stays in memory until it is written at the end of the file.

use std::{
    io::{self, Write},
    mem,
    sync::Arc,
};

use bytes::Bytes;
use parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical},
    column::{
        page::{CompressedPage, PageWriteSpec, PageWriter},
        writer::{ColumnWriter, get_column_writer},
    },
    data_type::ByteArray,
    errors::ParquetError,
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite},
    },
    schema::types::{Type, TypePtr},
};
use store::ExportedJob;

use crate::export::{
    columns::{COLUMNS, Cell, Column, Kind},
    exporter::Written,
};

/// Approximate number of rows in a group.
const GROUP: usize = 10_000;
/// Approximate number of rows in a page. The last page of each column is in memory unencoded.
const PAGE: usize = 1_000;
/// Maximum bytes of a column's distinct texts. Beyond that, the column is written without a dictionary.
const DICTIONARY: usize = 32 * 1024;

/// A file being written.
pub(super) struct Columns<W: Write + Send> {
    file: SerializedFileWriter<W>,
    /// Columns of the current group. Empty before its first row.
    group: Vec<(ColumnWriter<'static>, Written)>,
    /// Rows in the current group.
    rows: usize,
}

impl<W: Write + Send> Columns<W> {
    pub(super) fn begin(out: W) -> io::Result<Self> {
        let schema = schema().map_err(io::Error::other)?;
        let file = SerializedFileWriter::new(out, schema, properties().into()).map_err(io::Error::other)?;
        Ok(Self {
            file,
            group: Vec::new(),
            rows: 0,
        })
    }

    pub(super) fn add(&mut self, jobs: &[ExportedJob]) -> io::Result<()> {
        self.encode(jobs).map_err(io::Error::other)
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        let written = self.end_group().and_then(|()| self.file.close().map(drop));
        written.map_err(io::Error::other)
    }

    fn encode(&mut self, jobs: &[ExportedJob]) -> Result<(), ParquetError> {
        if self.group.is_empty() {
            self.begin_group();
        }
        for ((writer, _), column) in self.group.iter_mut().zip(&COLUMNS) {
            write(writer, column, jobs)?;
        }
        self.rows += jobs.len();
        if self.rows >= GROUP {
            self.end_group()?;
        }
        Ok(())
    }

    fn begin_group(&mut self) {
        let columns = self.file.schema_descr().columns().iter();
        let properties = self.file.properties();
        self.group = columns
            .map(|column| {
                let pages = Pages::default();
                let written = pages.written.clone();
                let writer = get_column_writer(column.clone(), properties.clone(), Box::new(pages));
                (writer, written)
            })
            .collect();
    }

    fn end_group(&mut self) -> Result<(), ParquetError> {
        if mem::take(&mut self.rows) == 0 {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        for (writer, written) in mem::take(&mut self.group) {
            let column = writer.close()?;
            group.append_column(&Bytes::from(written.take()), column)?;
        }
        group.close().map(drop)
    }
}

/// The pages of a column, kept until its group is complete.
#[derive(Default)]
struct Pages {
    written: Written,
    /// Length in bytes.
    length: u64,
}

impl PageWriter for Pages {
    fn write_page(&mut self, page: CompressedPage) -> Result<PageWriteSpec, ParquetError> {
        let mut out = TrackedWrite::new(self.written.clone());
        let mut page = SerializedPageWriter::new(&mut out).write_page(page)?;
        out.flush()?;
        page.offset = self.length;
        self.length += page.bytes_written;
        Ok(page)
    }

    fn close(&mut self) -> Result<(), ParquetError> {
        Ok(())
    }
}

fn properties() -> WriterProperties {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_data_page_row_count_limit(PAGE)
        // A dictionary takes 80 KB from the first value on.
        .set_dictionary_enabled(false)
        .set_dictionary_page_size_limit(DICTIONARY);
    let texts = COLUMNS.iter().filter(|column| column.kind == Kind::Text);
    texts
        .fold(properties, |properties, column| {
            properties.set_column_dictionary_enabled(column.name.into(), true)
        })
        .build()
}

fn schema() -> Result<TypePtr, ParquetError> {
    let fields: Result<Vec<TypePtr>, _> = COLUMNS
        .iter()
        .map(|column| {
            let (physical, logical) = match column.kind {
                Kind::Text | Kind::Texts => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
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
        .map(|cell| i16::from(!matches!(cell, Cell::Nothing | Cell::Texts([]))))
        .collect();
    let levels = Some(levels.as_slice());
    match writer {
        ColumnWriter::ByteArrayColumnWriter(writer) => {
            let values: Vec<ByteArray> = cells
                .iter()
                .filter_map(|cell| match cell {
                    Cell::Text(text) => Some(ByteArray::from(text.as_bytes().to_vec())),
                    Cell::Texts(texts) if !texts.is_empty() => {
                        Some(ByteArray::from(texts.join(",").into_bytes()))
                    }
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

#[cfg(test)]
mod tests {
    use domain::{Figures, Job, JobId, JobNotes, JobStatus, PrinterId, Source};
    use jiff::Timestamp;
    use parquet::{
        file::reader::{FileReader as _, SerializedFileReader},
        record::Field,
    };
    use store::{DetailsStatus, StoredJob};

    use super::*;

    fn job(id: i64) -> ExportedJob {
        let job = Job {
            printer_id: PrinterId(1),
            job_id: None,
            history_start_time: None,
            user: None,
            // More distinct names than a dictionary has room for.
            filename: (id % 7 > 0).then(|| format!("part_{id}.gcode")),
            status: JobStatus::Completed,
            cause: None,
            message: None,
            start_time: Timestamp::from_second(id).ok(),
            end_time: None,
            figures: Figures::reported((id % 3 > 0).then_some(id as f64), None, None),
            end_source: None,
            figures_source: Source::History,
            clock_jumped: id % 2 > 0,
            metadata: None,
            auxiliary_data: None,
            last_seen: None,
        };
        ExportedJob {
            stored: StoredJob {
                id: JobId(id),
                printer_name: "Voron".to_owned(),
                job,
                created_at: Timestamp::UNIX_EPOCH,
                updated_at: Timestamp::UNIX_EPOCH,
            },
            notes: JobNotes::default(),
            details_status: DetailsStatus::Pending,
            details_reason: None,
            details: None,
            file: None,
        }
    }

    #[test]
    fn jobs_of_many_groups_come_back() {
        let jobs: Vec<ExportedJob> = (0..25_000).map(job).collect();
        let written = Written::default();
        let mut columns = Columns::begin(written.clone()).unwrap();
        jobs.chunks(100).for_each(|jobs| columns.add(jobs).unwrap());
        columns.end().unwrap();
        let reader = SerializedFileReader::new(Bytes::from(written.take())).unwrap();
        let groups = reader.metadata().row_groups().iter();
        let groups: Vec<i64> = groups.map(|group| group.num_rows()).collect();
        assert_eq!(groups, [10_000, 10_000, 5_000]);
        let mut rows = reader.get_row_iter(None).unwrap();
        for job in &jobs {
            let row = rows.next().unwrap().unwrap();
            for ((_, found), column) in row.get_column_iter().zip(&COLUMNS) {
                let wanted = match (column.cell)(job) {
                    Cell::Nothing | Cell::Texts([]) => Field::Null,
                    Cell::Texts(texts) => Field::Str(texts.join(",")),
                    Cell::Text(text) => Field::Str(text.into_owned()),
                    Cell::Whole(number) => Field::Long(number),
                    Cell::Number(number) => Field::Double(number),
                    Cell::Truth(truth) => Field::Bool(truth),
                    Cell::Instant(instant) => Field::TimestampMillis(instant.as_millisecond()),
                };
                assert_eq!(*found, wanted, "{} of {:?}", column.name, job.stored.id);
            }
        }
        assert!(rows.next().is_none());
    }
}

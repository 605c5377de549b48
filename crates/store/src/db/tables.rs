//! Names of the tables and columns in statements. Migrations use their own literal names, which never change.

use sea_orm::DeriveIden;

pub(crate) use super::print_jobs::PrintJobs;

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Printers {
    Table,
    Id,
    Name,
    NameKey,
    Kind,
    Location,
    MoonrakerUrl,
    MoonrakerApiKey,
    IsActive,
    LastSeen,
    CreatedAt,
    UpdatedAt,
    BackfillSince,
    BackfillPosition,
    BackfillCompletedAt,
    FirstContact,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobDetails {
    Table,
    PrintJobId,
    LayerHeight,
    FirstLayerHeight,
    NozzleTemp,
    BedTemp,
    PrintSpeed,
    InfillPercentage,
    InfillPattern,
    SupportEnabled,
    SupportType,
    FilamentType,
    FilamentBrand,
    FilamentColor,
    EstimatedTime,
    EstimatedFilament,
    LayerCount,
    ObjectHeight,
    Slicer,
    GramsPerMm,
    WeightSource,
    EstimatedLength,
    FilamentCost,
    Currency,
    RawMetadata,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobSearch {
    Table,
    PrintJobId,
    Text,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobSearchTrigrams {
    Table,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobTotals {
    Table,
    PrinterId,
    TotalJobs,
    TotalTime,
    TotalPrintTime,
    TotalFilamentUsed,
    LongestJob,
    LastUpdated,
    FactsVersion,
    FactsFormat,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ApiKeys {
    Table,
    Id,
    KeyHash,
    KeyPrefix,
    Name,
    IsActive,
    LastUsed,
    CreatedAt,
    ExpiresAt,
    Scope,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sessions {
    Table,
    Id,
    TokenHash,
    ApiKeyId,
    CreatedAt,
    ExpiresAt,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobNotes {
    Table,
    PrintJobId,
    Title,
    Verdict,
    VerdictReason,
    Notes,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobTags {
    Table,
    PrintJobId,
    TagKey,
    Tag,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobPauses {
    Table,
    PrintJobId,
    PausedAt,
    ResumedAt,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CorrectedOutcomes {
    Table,
    PrinterId,
    Status,
    Jobs,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobChanges {
    Table,
    Id,
    PrintJobId,
    ChangedAt,
    ChangedBy,
    Field,
    OldValue,
    NewValue,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VerdictReasons {
    Table,
    Id,
    Name,
    NameKey,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeletedJobs {
    Table,
    PrintJobId,
    PrinterId,
    JobId,
    HistoryStartTime,
    StartTime,
    EndTime,
    Filename,
    TotalDuration,
    DeletedAt,
    Status,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeletedJobRows {
    Table,
    PrintJobId,
    PrinterId,
    GcodeFileId,
    DeletedAt,
    DeletedBy,
    Details,
    Data,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GcodeFiles {
    Table,
    Id,
    PrinterId,
    FileKey,
    ContentHash,
    Source,
    CreatedAt,
    Metadata,
    Raw,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thumbnails {
    Table,
    Hash,
    MediaType,
    Width,
    Height,
    Bytes,
    Data,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GcodeFileThumbnails {
    Table,
    GcodeFileId,
    ThumbnailHash,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DetailsQueue {
    Table,
    PrintJobId,
    Status,
    Priority,
    Reason,
    Attempts,
    NextAttemptAt,
    GcodeFileId,
    SortTime,
    UpdatedAt,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerLease {
    Table,
    Id,
    Epoch,
    Beat,
    Holder,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobKinds {
    Table,
    Id,
    FilamentType,
    FilamentBrand,
    FilamentColor,
    Slicer,
    Currency,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobTexts {
    Table,
    Id,
    Text,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobMonths {
    Table,
    PrinterId,
    Month,
    Version,
    Jobs,
    Facts,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outbox {
    Table,
    Id,
    PrinterId,
    JobId,
    Kind,
    Payload,
    CreatedAt,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutboxPosition {
    Table,
    Id,
    LastId,
}

#[derive(DeriveIden, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerSettings {
    Table,
    Name,
    Value,
}

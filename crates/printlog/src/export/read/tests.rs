//! Files as spreadsheets and programs save them, and files of other kinds.

use crate::export::read::*;

fn read(text: &str) -> Vec<Result<Record, String>> {
    read_bytes(text.as_bytes()).unwrap()
}

fn read_bytes(bytes: &[u8]) -> Result<Vec<Result<Record, String>>, String> {
    let records = Records::new(None, bytes, Timestamp::UNIX_EPOCH).map_err(|error| error.to_string())?;
    Ok(records
        .map(|record| record.map_err(|error| error.to_string()))
        .collect())
}

fn job(found: &Result<Record, String>) -> &domain::Job {
    &found.as_ref().unwrap().record.job
}

const TABLE: &str = "printer_name,job_id,filename,status,start_time,total_duration,clock_jumped\n\
        Prusa,000001,Küche.gcode,completed,2026-02-01T10:00:00Z,900.5,false\n\
        Prusa,000002,\"b, c\",completed,2026-02-02T10:00:00Z,1,true\n";

/// Asserts that both jobs of [`TABLE`] were read.
fn check(found: &[Result<Record, String>]) {
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(job(&found[0]).filename.as_deref(), Some("Küche.gcode"));
    assert_eq!(job(&found[0]).figures.total_duration, Some(900.5));
    assert_eq!(
        (job(&found[0]).clock_jumped, job(&found[1]).clock_jumped),
        (false, true)
    );
    assert_eq!(job(&found[1]).filename.as_deref(), Some("b, c"));
    assert_eq!(job(&found[1]).job_id.as_deref(), Some("000002"));
}

#[test]
fn tables_are_read_as_spreadsheets_save_them() {
    let semicolons = TABLE
        .replace("\"b, c\"", "'b# c'")
        .replace(',', ";")
        .replace("900.5", "900,5");
    let semicolons = semicolons.replace("'b# c'", "b, c");
    let tabs = semicolons.replace(';', "\t");
    let capitals = TABLE.replace("true", "TRUE").replace("false", "False");
    let names = TABLE
        .replace("printer_name", " Printer_Name ")
        .replace("total_duration", "TOTAL_DURATION");
    let german = semicolons.replace("true", "WAHR").replace("false", "FALSCH");
    let marked = format!("sep=;\n{semicolons}");
    for text in [TABLE, &semicolons, &tabs, &capitals, &names, &german, &marked] {
        check(&read(text));
        for end in ["\r\n", "\r"] {
            check(&read(&text.replace('\n', end)));
        }
        check(&read(&format!("\u{feff}{text}")));
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        check(&read_bytes(&little).unwrap());
        check(&read_bytes(&[&[0xFF, 0xFE], &little[..]].concat()).unwrap());
        check(&read_bytes(&[&[0xFE, 0xFF], &big[..]].concat()).unwrap());
    }
}

#[test]
fn lists_are_read_as_they_were_written() {
    let first = r#"{"printer_name": "Prusa", "JOB_ID": 1, "filename": "Küche.gcode", "status": "Completed", "total_duration": "900.5", "clock_jumped": false, "other": [1]}"#;
    let second = r#"{"printer_name": "Prusa", "job_id": "000002", "filename": "b, c", "status": "completed", "clock_jumped": "TRUE"}"#;
    for text in [
        format!("{first}\n{second}"),
        format!("\u{feff}{first}\r\n\r\n{second}\r\n"),
        format!("[\n{first},\n{second}\n]\n"),
        format!(" [{first},{second}]"),
        format!("[{}]", format!("{first},{second}").replace(", \"", ",\n\t\"")),
    ] {
        let found = read(&text);
        check(&found);
        assert_eq!(job(&found[0]).job_id.as_deref(), Some("1"));
    }
    assert_eq!(read("[\n]\n").len(), 0);
}

#[test]
fn invalid_lines_are_reported() {
    let lines = "{\"printer_name\": \"A\", \"status\": \"completed\", \"start_time\": \"2026-01-31T12:00:00Z\"}\n\n\
            {\"printer_name\": \"A\"}\n{\"printer_name\": \"A\", \"status\": \"done\"}\nnonsense\n\
            {\"printer_name\": \"A\", \"status\": \"error\"}\n\
            {\"printer_name\": \"A\", \"status\": \"error\", \"job_id\": \"1\", \"end_time\": 5}\n";
    let found = read(lines);
    assert_eq!(found.len(), 6);
    assert!(found[0].is_ok());
    let errors: Vec<_> = found[1..]
        .iter()
        .map(|found| found.as_ref().unwrap_err().as_str())
        .collect();
    assert_eq!(errors[0], "line 3: status is missing");
    assert!(
        errors[1].starts_with("line 4: status must be one of printing, paused,"),
        "{errors:?}"
    );
    assert!(errors[2].starts_with("line 5: not a JSON object"), "{errors:?}");
    assert_eq!(errors[3], "line 6: a job needs a start_time or a job_id");
    assert_eq!(errors[4], "line 7: end_time must be a string");
}

#[test]
fn bytes_that_are_no_text_spoil_their_line_only() {
    let table = TABLE.replace("\"b, c\"", "K\u{1}che").into_bytes();
    let table: Vec<u8> = table
        .into_iter()
        .map(|byte| if byte == 1 { 0xFC } else { byte })
        .collect();
    let found = read_bytes(&table).unwrap();
    assert!(found[0].is_ok());
    let message = found[1].as_ref().unwrap_err();
    assert!(message.starts_with("line 3: not UTF-8 text"), "{message}");
}

#[test]
fn cells_are_what_their_column_says() {
    let table = "printer_name,status,job_id,filename,total_duration,clock_jumped,other\n\
            A,completed,000001,'=1,1.5,true,x\nA,completed,2,,soon,false,\nA,completed,3,,\"1,5\",,\nA,completed,4\n\
            A,completed,5,x,NaN,,\nA,completed,6,x,1,perhaps,\n";
    for end in ["\n", "\r\n", "\r"] {
        let found = read(&table.replace('\n', end));
        let first = job(&found[0]);
        assert_eq!(first.job_id.as_deref(), Some("000001"));
        assert_eq!(first.filename.as_deref(), Some("=1"));
        assert_eq!(
            (first.figures.total_duration, first.clock_jumped),
            (Some(1.5), true)
        );
        let errors: Vec<_> = found[1..]
            .iter()
            .map(|found| found.as_ref().unwrap_err().as_str())
            .collect();
        assert_eq!(
            errors,
            [
                "line 3: total_duration: `soon` is not a number",
                "line 4: total_duration: `1,5` is not a number",
                "line 5: 3 cells, but the first line has 7 columns",
                "line 6: total_duration: `NaN` is not a number",
                "line 7: clock_jumped: `perhaps` is neither true nor false",
            ]
        );
    }
}

#[test]
fn texts_and_ids_have_bounds() {
    let line = |field: &str| {
        format!("{{\"printer_name\": \"A\", \"status\": \"error\", \"job_id\": \"1\", {field}}}\n")
    };
    let long = "x".repeat(10_001);
    for (field, message) in [
        (
            format!("\"filename\": \"{long}\""),
            "line 2: filename has more than 10000 characters",
        ),
        (
            format!("\"title\": \"{}\"", &long[..256]),
            "line 2: title has more than 255 characters",
        ),
        (
            format!("\"tags\": [\"{}\"]", &long[..65]),
            "has more than 64 characters",
        ),
        ("\"tags\": [5]".to_owned(), "line 2: tags must be strings"),
        (
            "\"verdict\": \"fine\"".to_owned(),
            "verdict must be one of good, partly_good, scrap, not `fine`",
        ),
        (
            "\"verdict_reason\": \"Warped\"".to_owned(),
            "line 2: verdict_reason needs a verdict",
        ),
        (
            format!("\"cause\": \"{}\"", "x".repeat(2 << 20)),
            "line 2: longer than 1048576 bytes",
        ),
        (
            "\"layer_count\": 1.5".to_owned(),
            "line 2: layer_count: 1.5 is not a whole number",
        ),
    ] {
        let found = read(&format!(
            "{}{}{}",
            line("\"id\": 1"),
            line(&field),
            line("\"id\": 2")
        ));
        assert_eq!(
            (found.len(), found[0].is_ok(), found[2].is_ok()),
            (3, true, true),
            "{message}"
        );
        let error = found[1].as_ref().unwrap_err();
        assert!(error.contains(message), "{error}");
    }
    for id in [
        "9223372036854775807",
        "9007199254740992",
        "1e300",
        "\"18446744073709551616\"",
        "null",
    ] {
        let found = read(&line(&format!("\"id\": {id}, \"printer_id\": {id}")));
        let record = found[0].as_ref().unwrap();
        assert_eq!((record.printer_id, record.record.id), (None, None), "{id}");
    }
    let found = read(&line("\"id\": 9007199254740991"));
    assert_eq!(
        found[0].as_ref().unwrap().record.id,
        Some(domain::JobId(domain::LARGEST_ID))
    );
}

#[test]
fn files_of_other_kinds_are_named_in_one_sentence() {
    for (bytes, cause) in [
        (&b""[..], "it is empty"),
        (b"\xef\xbb\xbf\r\n", "it is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0", "it is an image (PNG)"),
        (b"PK\x03\x04\x14\0[Content_Types].xml", "it is an Excel workbook"),
        (b"PAR1\0\0", "it is a Parquet file"),
        (b"<!DOCTYPE html>\n<title>a, b</title>", "it is an HTML page"),
        (b"name;age\nA;5\n", "has none of the columns"),
        (b"id,status\n1,completed\n", "has no column printer_name"),
        (
            b"printer_name,status\nA,completed\n",
            "has neither start_time nor job_id",
        ),
        (
            b"{\n  \"name\": \"x\",\n  \"version\": 1\n}\n",
            "none of its first lines has a printer_name",
        ),
        (b"[1, 2]", "none of its first lines has a printer_name"),
        (b"[{\"a\": 1}]", "none of its first lines has a printer_name"),
        (b"{}", "none of its first lines has a printer_name"),
        (b"\x01\0\x02\0\0\0", "it is a binary file"),
    ] {
        let error = read_bytes(bytes).unwrap_err();
        assert!(
            error.starts_with("not an export of jobs: ") && error.contains(cause),
            "{error}"
        );
        assert_eq!(error.lines().count(), 1);
    }
}

//! Data that Bambu Studio and Orca store next to the G-code in a `.gcode.3mf`.

use std::borrow::Cow;

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::Value;

use crate::settings::{Settings, whole_seconds};
use crate::tool::{self, Tool};
use crate::{Parsed, value};

/// Fills gaps from `Metadata/slice_info.config`, for one plate.
pub(crate) fn complete(xml: &str, plate: u32, parsed: &mut Parsed) {
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: 100_000,
        ..ParsingOptions::default()
    };
    let Ok(document) = Document::parse_with_options(xml, options) else {
        return;
    };
    let of_plate = |node: &Node<'_, '_>| {
        node.has_tag_name("plate")
            && metadata(*node, "index").and_then(value::number) == Some(f64::from(plate))
    };
    let Some(plate) = document.descendants().find(of_plate) else {
        return;
    };
    let found = &mut parsed.metadata;
    let seconds = metadata(plate, "prediction")
        .and_then(value::number)
        .filter(|seconds| *seconds > 0.0);
    found.estimated_time = found.estimated_time.or_else(|| seconds.and_then(whole_seconds));
    filaments(plate, &mut found.tools);
    if found.filament_used_mm.is_none() {
        found.filament_used_mm = tool::sum(&found.tools, |tool| tool.used_mm);
    }
    if found.estimated_filament.is_none() {
        let weight = metadata(plate, "weight").and_then(value::number);
        found.estimated_filament = weight.filter(|grams| *grams > 0.0);
    }
    if found.objects.is_empty() {
        let objects = plate.children().filter(|node| node.has_tag_name("object"));
        found.objects = objects
            .filter_map(|node| node.attribute("name"))
            .take(1024)
            .map(str::to_owned)
            .collect();
    }
}

fn metadata<'a>(plate: Node<'a, '_>, key: &str) -> Option<&'a str> {
    plate
        .children()
        .find(|node| node.has_tag_name("metadata") && node.attribute("key") == Some(key))
        .and_then(|node| node.attribute("value"))
}

/// `<filament id="2" type="PLA" color="#C8C8C8" used_m="2.58" used_g="7.88"/>`: only filaments in use are listed.
fn filaments(plate: Node<'_, '_>, tools: &mut Vec<Tool>) {
    let stated = tools.iter().any(|tool| tool.used_mm.is_some());
    for filament in plate
        .children()
        .filter(|node| node.has_tag_name("filament"))
        .take(256)
    {
        let number = |name: &str| filament.attribute(name).and_then(value::number);
        let Some(index) = number("id")
            .and_then(crate::settings::count)
            .and_then(|id| id.checked_sub(1))
        else {
            continue;
        };
        let index = index as usize;
        if !tools.iter().any(|tool| tool.index == index) && tools.len() < 256 {
            tools.push(Tool {
                index,
                ..Tool::default()
            });
        }
        let Some(tool) = tools.iter_mut().find(|tool| tool.index == index) else {
            continue;
        };
        tool.filament_type = tool
            .filament_type
            .take()
            .or_else(|| filament.attribute("type").and_then(value::word));
        tool.filament_color = tool
            .filament_color
            .take()
            .or_else(|| filament.attribute("color").and_then(value::color));
        if !stated {
            tool.used = Some(true);
            tool.used_mm = number("used_m").map(|metres| tool::round6(metres * 1000.0));
            tool.used_g = number("used_g").filter(|grams| *grams > 0.0);
        }
    }
}

/// `Metadata/project_settings.config`: the settings as JSON; lists become the lists of the text form.
pub(crate) fn project_settings(json: &[u8]) -> Option<Settings<'static>> {
    let Value::Object(object) = serde_json::from_slice(json).ok()? else {
        return None;
    };
    let mut settings = Settings::default();
    for (key, value) in object {
        let text = match value {
            Value::String(text) => text,
            Value::Array(members) => list(&members),
            _ => continue,
        };
        settings.insert(Cow::Owned(key), Cow::Owned(text));
    }
    Some(settings)
}

fn list(members: &[Value]) -> String {
    let texts: Vec<&str> = members.iter().filter_map(Value::as_str).collect();
    let numeric = texts
        .iter()
        .all(|text| value::Measure::read(text).is_some() || *text == "nil");
    match numeric {
        true => texts.join(","),
        false => {
            let quoted = texts
                .iter()
                .map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")));
            quoted.collect::<Vec<_>>().join(";")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_from_the_right_plate() {
        let xml = r##"<?xml version="1.0"?><config>
            <plate><metadata key="index" value="1"/><metadata key="prediction" value="9"/></plate>
            <plate><metadata key="index" value="2"/><metadata key="prediction" value="77"/>
              <metadata key="weight" value="7.88"/><object identify_id="15" name="comb.stl"/>
              <filament id="2" type="PLA" color="#C8C8C8" used_m="2.58" used_g="7.88"/></plate></config>"##;
        let mut parsed = Parsed::default();
        complete(xml, 2, &mut parsed);
        let metadata = parsed.metadata;
        assert_eq!(metadata.estimated_time, Some(77));
        assert_eq!(metadata.estimated_filament, Some(7.88));
        assert_eq!(metadata.filament_used_mm, Some(2580.0));
        assert_eq!(metadata.tools[0].index, 1);
        assert_eq!(metadata.objects, ["comb.stl"]);
    }

    #[test]
    fn project_settings_read_like_text_settings() {
        let settings =
            project_settings(br#"{"a":["220","230"],"b":["PLA","Bambu \"x\""],"c":"0.2"}"#).unwrap();
        assert_eq!(settings.get("a"), Some("220,230"));
        assert_eq!(settings.strings("b"), ["PLA", "Bambu \"x\""]);
        assert_eq!(settings.number("c"), Some(0.2));
        assert!(project_settings(b"[1]").is_none());
    }
}

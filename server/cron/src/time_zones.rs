//! Time zone names.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, db};

/// Prefixes of the offered names. The others (`Etc/GMT+2`, `US/Eastern`, `EST5EDT`) exist for old programs.
const PLACES: [&str; 10] = [
    "Africa/",
    "America/",
    "Antarctica/",
    "Arctic/",
    "Asia/",
    "Atlantic/",
    "Australia/",
    "Europe/",
    "Indian/",
    "Pacific/",
];

/// Outdated names of places: those of the time zone database (2026e) that its `zone.tab` does not list.
#[rustfmt::skip]
const OLD: [&str; 71] = [
    "Africa/Asmera", "Africa/Timbuktu", "America/Argentina/ComodRivadavia", "America/Atka", "America/Buenos_Aires",
    "America/Catamarca", "America/Coral_Harbour", "America/Cordoba", "America/Ensenada", "America/Fort_Wayne",
    "America/Godthab", "America/Indianapolis", "America/Jujuy", "America/Knox_IN", "America/Louisville",
    "America/Mendoza", "America/Montreal", "America/Nipigon", "America/Pangnirtung", "America/Porto_Acre",
    "America/Rainy_River", "America/Rosario", "America/Santa_Isabel", "America/Shiprock", "America/Thunder_Bay",
    "America/Virgin", "America/Yellowknife", "Antarctica/South_Pole", "Asia/Ashkhabad", "Asia/Calcutta",
    "Asia/Choibalsan", "Asia/Chongqing", "Asia/Chungking", "Asia/Dacca", "Asia/Harbin", "Asia/Istanbul",
    "Asia/Kashgar", "Asia/Katmandu", "Asia/Macao", "Asia/Rangoon", "Asia/Saigon", "Asia/Tel_Aviv", "Asia/Thimbu",
    "Asia/Ujung_Pandang", "Asia/Ulan_Bator", "Atlantic/Faeroe", "Atlantic/Jan_Mayen", "Australia/ACT",
    "Australia/Canberra", "Australia/Currie", "Australia/LHI", "Australia/NSW", "Australia/North",
    "Australia/Queensland", "Australia/South", "Australia/Tasmania", "Australia/Victoria", "Australia/West",
    "Australia/Yancowinna", "Europe/Belfast", "Europe/Kiev", "Europe/Nicosia", "Europe/Tiraspol", "Europe/Uzhgorod",
    "Europe/Zaporozhye", "Pacific/Enderbury", "Pacific/Johnston", "Pacific/Ponape", "Pacific/Samoa", "Pacific/Truk",
    "Pacific/Yap",
];

/// Returns the time zone names to offer, sorted: the current names of places, and `UTC`.
pub fn zones() -> impl Iterator<Item = &'static str> {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let known = db().available().map(|name| name.to_string());
        let is_place =
            |name: &String| PLACES.iter().any(|place| name.starts_with(place)) && !OLD.contains(&name.as_str());
        let mut names: Vec<String> = known.filter(|name| name == "UTC" || is_place(name)).collect();
        names.sort_unstable();
        names
    });
    NAMES.iter().map(String::as_str)
}

/// Finds a time zone by its name; case does not matter. Returns the name in its official spelling. Outdated names are
/// accepted.
///
/// # Errors
/// A message for the user.
pub(crate) fn find(typed: &str) -> Result<(String, TimeZone), String> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Err("Write the name of a time zone, such as Europe/Berlin or UTC.".to_owned());
    }
    let zone = TimeZone::get(typed).ok();
    zone.and_then(|zone| Some((zone.iana_name()?.to_owned(), zone))).ok_or_else(|| {
        let short: String = typed.chars().filter(|letter| !letter.is_control()).take(40).collect();
        format!("There is no time zone {short}; write the name of one, such as Europe/Berlin or UTC.")
    })
}

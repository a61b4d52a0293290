//! `milepost doctor`: checks everything that a report needs.

use std::{
    net::ToSocketAddrs as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use lexopt::{Arg, Parser};

use crate::{
    api::{Api, Unreachable},
    command::print,
    config::Config,
    error::ClientError,
    ids,
    spool::SpoolDirectory,
};

/// The time limit of a request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A clock that is further away is reported.
const CLOCK: u64 = 5;

/// Prints each check as one line. Returns 1 if one fails.
pub(crate) fn run(parser: &mut Parser) -> Result<u8, ClientError> {
    let (mut server, mut token_file) = (None, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("server") => server = Some(parser.value()?.to_string_lossy().into_owned()),
            Arg::Long("token-file") => token_file = Some(parser.value()?.into()),
            Arg::Short(_) | Arg::Long(_) | Arg::Value(_) => return Err(arg.unexpected().into()),
        }
    }
    let config = Config::read(server, token_file);
    let mut report = Report { passed: true };
    report.line(true, "version", crate::AGENT);
    for warning in &config.warnings {
        report.line(false, "configuration", warning);
    }
    match SpoolDirectory::open(&config.spool) {
        Ok(spool) => report.line(true, "spool", &format!("{}, {} runs", config.spool.display(), spool.list().len())),
        Err(error) => report.line(false, "spool", &format!("{}: {error}", config.spool.display())),
    }
    report.line(true, "token", &config.token.describe());
    match config.server() {
        Ok(server) => check_server(&config, server, &mut report),
        Err(error) => report.line(false, "server", &error.to_string()),
    }
    Ok(u8::from(!report.passed))
}

fn check_server(config: &Config, server: &str, report: &mut Report) {
    let (scheme, host) = server.split_once("://").unwrap_or(("https", server));
    let host = host.split('/').next().unwrap_or_default();
    let port = if scheme == "http" { 80 } else { 443 };
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let name = if has_port { host.to_owned() } else { format!("{host}:{port}") };
    match name.to_socket_addrs() {
        Ok(addresses) => {
            let addresses: Vec<String> = addresses.map(|address| address.ip().to_string()).collect();
            report.line(true, "name", &format!("{host} is {}", addresses.join(", ")));
        }
        Err(error) => return report.line(false, "name", &format!("{host}: {error}")),
    }
    let api = match Api::new(config, server) {
        Ok(api) => api,
        Err(error) => return report.line(false, "certificates", &error),
    };
    // An unknown run shows whether the token may report, and changes nothing.
    let reply = match api.get(&format!("/report/doctor/{}", ids::run_id()), TIMEOUT) {
        Ok(reply) => reply,
        Err(Unreachable(error)) => return report.line(false, "server", &format!("{server}: {error}")),
    };
    report.line(true, "server", server);
    if let Some(away) = reply.date.as_deref().and_then(clock_offset) {
        report.line(away <= CLOCK, "clock", &format!("{away} s from the server's"));
    }
    let is_known = reply.code == 404 || (200..300).contains(&reply.code);
    let reported = if is_known { "reports are accepted".to_owned() } else { reply.describe() };
    report.line(is_known, "access", &reported);
}

struct Report {
    passed: bool,
}

impl Report {
    fn line(&mut self, passed: bool, name: &str, text: &str) {
        self.passed &= passed;
        let mark = if passed { "ok" } else { "FAILED" };
        print(&format!("{mark}\t{name}\t{text}\n"));
    }
}

/// Returns the seconds between the header `Date` and this machine's clock.
fn clock_offset(date: &str) -> Option<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some(now.abs_diff(http_date(date)?))
}

/// Parses `Tue, 24 Nov 2026 21:00:00 GMT`.
fn http_date(date: &str) -> Option<u64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let mut parts = date.split_whitespace().skip(1);
    let day: u64 = parts.next()?.parse().ok()?;
    let month = parts.next().and_then(|month| MONTHS.find(month))? as u64 / 3 + 1;
    let year: u64 = parts.next()?.parse().ok()?;
    let mut time = parts.next()?.split(':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    // Days since 1970 in the Gregorian calendar; the year begins in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days =
        (year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1).checked_sub(719_468)?;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_date_is_parsed() {
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(http_date("Tue, 24 Nov 2026 20:30:20 GMT"), Some(1_795_552_220));
        assert_eq!(http_date("Tue, 29 Feb 2028 00:00:01 GMT"), Some(1_835_395_201));
        assert_eq!(http_date("yesterday"), None);
    }
}

//! Tables of commands: validation.

use commands::Command;

fn refused(table: &str) -> String {
    let table: toml::Table = toml::from_str(table).expect("TOML");
    Command::from_toml("probe", table.into()).expect_err("it is refused").to_string()
}

#[test]
fn invalid_table_is_rejected_with_key_and_remedy() {
    let cases = [
        ("", "command.probe: missing field `argv`"),
        ("argv = []", "command.probe.argv: it is empty; name the program first"),
        ("argv = 'ls -l'", "command.probe.argv"),
        ("argv = ['no-such-program']", "command.probe.argv: there is no program `no-such-program`"),
        ("argv = ['bin/ls']", "command.probe.argv: there is no program `bin/ls`"),
        (
            "argv = ['{{program}}']\nparameters.program.type = 'string'",
            "command.probe.argv: the program cannot be a parameter",
        ),
        ("argv = ['ls', '{{x}}']", "command.probe.argv[1]: there is no parameter `x`; there are none"),
        ("argv = ['ls', '{{x']", "command.probe.argv[1]: `{{x` has a {{ without its }}"),
        ("argv = ['ls', 7]", "command.probe.argv[1]: an argument is a text"),
        ("argv = ['ls']\nparameters.x.type = 'string'", "command.probe.parameters.x: nothing takes it"),
        ("argv = ['ls', '{{x}}']\nparameters.x.type = 'list'", "command.probe.parameters.x.type: it is one of string"),
        ("argv = ['ls', '{{x}}']\nparameters.x = {}", "command.probe.parameters.x.type: it is missing"),
        (
            "argv = ['ls', '{{x}}']\nparameters.x = { type = 'string', pattern = 'a' }",
            "command.probe.parameters.x.pattern: there is no such keyword",
        ),
        ("argv = ['ls', '{{x?-l}}']\nparameters.x.type = 'string'", "command.probe.argv[1]: `x` is no boolean"),
        (
            "argv = ['ls', '{{x}}']\nparameters.x = { type = 'integer', default = 'a' }",
            "command.probe.parameters.x.default: it is no integer",
        ),
        ("argv = ['ls', '{{X}}']\nparameters.X.type = 'string'", "command.probe.parameters.X: a parameter's name"),
        ("argv = ['ls']\ntimeout = '5 minuts'", "command.probe.timeout: `5 minuts` is not a duration"),
        ("argv = ['ls']\nmemory = 'much'", "command.probe.memory: `much` is not a size"),
        (
            "argv = ['ls']\nsignal = 'KILL'",
            "command.probe.signal: `KILL` is not possible; it can be TERM, INT, HUP, QUIT",
        ),
        ("argv = ['ls']\nprogress = 'bar'", "command.probe.progress: `bar` is not possible; it can be auto, json"),
        (
            "argv = ['ls']\nrole = 'viewer'",
            "command.probe.role: `viewer` is not possible; it can be operator, administrator",
        ),
        ("argv = ['ls']\nqueue = 'My Queue'", "command.probe.queue: `My Queue` cannot be the name of a queue"),
        ("argv = ['ls']\nicon = 'rocket'", "command.probe.icon: `rocket` is not an icon; it can be archive, checksum"),
        ("argv = ['ls']\ngroup = ' '", "command.probe.group: ` ` is not a name of a group; it has 1 to 40"),
        ("argv = ['ls']\ngroup = \"a\\u0007b\"", "command.probe.group: "),
        ("argv = ['ls']\nlimit = 0", "command.probe.limit: 0 is not possible"),
        ("argv = ['ls']\nprocesses = -1", "command.probe.processes"),
        ("argv = ['ls']\nfolder = 'here'", "command.probe.folder: `here` is not an absolute path"),
        ("argv = ['ls']\nfolder = '/no/such/folder'", "command.probe.folder: there is no folder /no/such/folder"),
        ("argv = ['ls']\nenv.MILEPOST_JOB = '1'", "command.probe.env.MILEPOST_JOB: this cannot be a variable"),
        ("argv = ['ls']\nenv.\"my-var\" = '1'", "command.probe.env.my-var: this cannot be a variable"),
        ("argv = ['ls']\nenv.X = 1", "command.probe.env.X: a variable is a text"),
        ("argv = ['ls']\nshell = true", "command.probe.shell: unknown field `shell`, expected one of `name`"),
    ];
    for (table, beginning) in cases {
        let problem = refused(table);
        assert!(problem.starts_with(beginning), "{table}\n  error:    {problem}\n  expected: {beginning}");
    }
}

#[test]
fn invalid_command_name_is_rejected() {
    let table: toml::Table = toml::from_str("argv = ['ls']").expect("TOML");
    let problem = Command::from_toml("My command", table.into()).expect_err("it is refused");
    assert!(problem.to_string().contains("cannot be the name of a kind"), "{problem}");
}

#[test]
fn documented_examples_are_valid_tables() {
    let documentation = include_str!("../../../../docs/commands.md");
    let examples: Vec<&str> =
        documentation.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 2, "the documentation has examples");
    for example in examples {
        // Programs and folders of an example may be missing on this machine.
        let example = example.replace("\"/srv/backup\"", "\"/tmp\"");
        let tables: toml::Table = toml::from_str(&example).expect("TOML");
        for (name, table) in tables["command"].as_table().expect("commands").clone() {
            match Command::from_toml(&name, table) {
                Ok(_) => {}
                Err(problem) => assert!(problem.message.starts_with("there is no program"), "{problem}"),
            }
        }
    }
}

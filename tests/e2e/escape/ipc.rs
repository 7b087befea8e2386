//! Inter-process communication by key and by name.

use crate::harness::canary::{random_name, random_number};
use crate::harness::{Attempt, Run, Scene, escape};

/// Makes something on the host, and looks for it from inside.
fn shared(kind: &'static str) {
    escape(|scene| {
        let key = if kind == "mq" { random_name() } else { random_number().to_string() };
        make(scene, kind, &key);
        let attempt = Attempt::attack(scene, &[format!("{kind}-read"), key]);
        if kind == "sem" { attempt } else { attempt.leaks() }
    });
}

/// Makes it; it is removed by the scene's own removal command.
fn make(scene: &mut Scene, kind: &str, key: &str) {
    let helper = scene.attack();
    let run = |verb: &str, rest: &[&str]| {
        let mut words = vec![helper.clone().into_os_string(), format!("{kind}-{verb}").into(), key.into()];
        words.extend(rest.iter().map(Into::into));
        Run::new(&words)
    };
    scene.bare(&run("make", &[scene.canary.text()])).ok();
    let (helper, kind, key) = (helper.clone(), kind.to_owned(), key.to_owned());
    scene.at_end(move |scene| {
        let words = [helper.clone().into_os_string(), format!("{kind}-remove").into(), key.clone().into()];
        scene.bare(&Run::new(&words));
    });
}

#[test]
fn shared_memory_of_the_host_cannot_be_attached() {
    shared("shm");
}

#[test]
fn message_queue_of_the_host_cannot_be_read() {
    shared("msg");
}

#[test]
fn semaphores_of_the_host_cannot_be_found() {
    shared("sem");
}

#[test]
fn posix_message_queue_of_the_host_cannot_be_read() {
    shared("mq");
}

#[test]
fn lease_on_a_file_of_the_home_cannot_be_taken() {
    for kind in ["F_RDLCK", "F_WRLCK"] {
        escape(move |scene| {
            scene.write(&scene.at_home(".gitconfig"), "[user]\n");
            scene.write(
                &scene.at_work("lease.py"),
                &format!(
                    "import fcntl, os\nfile = os.open(os.path.expanduser('~/.gitconfig'), os.O_RDONLY)\n\
                     fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.{kind})\n"
                ),
            );
            Attempt::shell("/usr/bin/python3 lease.py").status_zero()
        });
    }
}

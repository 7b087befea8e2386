//! What a plan asks of the kernel, and what happens when the kernel has less.

use lobsterpot_policy::{Layer, ProfileName, Requirement};
use nix::errno::Errno;

use super::world::World;
use crate::error::Error;
use crate::exit::Exit;
use crate::plan::{Network, Owners, REMAPPED};
use crate::step::{Failure, Step};

#[test]
fn root_inside_is_not_root_outside() {
    let mut world = World::new();
    world.uid = 0;
    let plan = world.plan();
    assert_eq!((plan.user, plan.owners), ((0, 0), Owners::Remapped(REMAPPED)));
    world.policy.requirements.stated.insert(Layer::OwnerRemap, Requirement::BestEffort);
    assert_eq!(world.plan().owners, Owners::Same);
    world.uid = 1000;
    assert_eq!(world.plan().owners, Owners::Same);
}

#[test]
fn a_kernel_without_landlock_stops_the_run_unless_the_policy_accepts_it() {
    let mut world = World::new();
    world.landlock = 0;
    let error = world.refusal();
    assert_eq!(error.exit(), Exit::Unsupported);
    assert!(error.to_string().contains("5.13") && error.hint().contains("lsm="), "{error}: {}", error.hint());
    world.policy.requirements.stated.insert(Layer::Landlock, Requirement::BestEffort);
    assert_eq!(world.plan().landlock, None);
}

/// Plans a run of root's, or has its set-up fail, where a layer is not there.
///
/// # Errors
/// What stops the run.
fn without(layer: Layer, requirement: Requirement) -> Result<(), Error> {
    let mut world = World::new();
    world.uid = 0;
    world.policy.requirements.stated.insert(layer, requirement);
    let failed = |step, errno| Err(Error::from_launch(Failure { step, path: None, errno }));
    match layer {
        Layer::Landlock => world.landlock = 0,
        Layer::LandlockNetwork => world.landlock = 3,
        Layer::LandlockScope => world.landlock = 5,
        Layer::Cgroup => {}
        Layer::UserNamespace | Layer::NetworkNamespace => return failed(Step::Namespaces, Errno::EPERM),
        Layer::OwnerRemap if requirement == Requirement::BestEffort => {
            assert_eq!(world.plan().owners, Owners::Same);
        }
        Layer::OwnerRemap => return failed(Step::OwnerRemap, Errno::EINVAL),
        Layer::Seccomp => return failed(Step::Seccomp, Errno::EINVAL),
        Layer::SocketSupervision | Layer::AbsentNames => return failed(Step::Seccomp, Errno::ENOSYS),
    }
    world.try_plan().map(|_| ())
}

#[test]
fn a_required_layer_that_is_absent_stops_the_run_whichever_it_is() {
    for layer in Layer::ALL {
        let error = without(layer, Requirement::Require).unwrap_err();
        let in_time = matches!(error.exit(), Exit::Unsupported | Exit::Setup);
        assert!(in_time && !error.hint().is_empty(), "{}: {error}", layer.name());
        let from_plan =
            matches!(layer, Layer::Landlock | Layer::LandlockNetwork | Layer::LandlockScope | Layer::Cgroup);
        if from_plan {
            assert_eq!(error.exit(), Exit::Unsupported, "{}", layer.name());
            assert!(error.to_string().starts_with(layer.name()), "{error}");
            let accepts = format!("{} = \"best-effort\"", layer.name());
            assert!(error.hint().contains(&accepts), "{}", error.hint());
        }
        if from_plan || layer == Layer::OwnerRemap {
            assert!(without(layer, Requirement::BestEffort).is_ok(), "{}", layer.name());
        }
    }
}

#[test]
fn a_required_scope_that_the_kernel_lacks_stops_the_run() {
    let mut world = World::new();
    world.landlock = 5;
    assert!(world.try_plan().is_ok(), "best effort by default");
    world.policy.requirements.stated.insert(Layer::LandlockScope, Requirement::Require);
    assert!(world.refusal().to_string().contains("6.12"));
    world.landlock = 6;
    assert!(world.try_plan().is_ok());
}

#[test]
fn nothing_dangerous_is_allowed_unless_the_profile_says_so() {
    let plan = World::new().plan();
    assert!(!plan.filter.ptrace && !plan.filter.user_namespaces && plan.filter.supervised);
    assert!(matches!(plan.network, Network::Allowlist(_)), "neither the host's nor everything");
    assert_eq!(World::with_profile(ProfileName::Strict).plan().network, Network::Isolated);
    assert!(plan.supervision.sockets.is_empty() && plan.descriptors.is_empty());
    let dev = World::with_profile(ProfileName::Dev).plan();
    assert!(dev.filter.ptrace && dev.filter.user_namespaces && dev.filter.supervised);
}

#[test]
fn limits_are_on_by_default() {
    let limits = World::new().plan().limits;
    assert_eq!(limits.core, Some(0));
    let all = [limits.processes, limits.memory, limits.file_size, limits.open_files, limits.tmpfs];
    assert!(all.iter().all(Option::is_some), "{limits:?}");
}

#[test]
fn a_socket_that_the_policy_names_is_allowed_by_its_real_path() {
    let mut world = World::new();
    world.socket("/run/app/real.sock");
    world.link("/run/app.sock", "app/real.sock", "/run/app/real.sock");
    world.flags(|flags| flags.socket(std::path::Path::new("/run/app.sock")).expect("a path"));
    let plan = world.plan();
    assert_eq!(plan.supervision.sockets, [std::path::PathBuf::from("/run/app/real.sock")]);
    assert!(super::sight::shows_host(&plan, "/run/app.sock"), "and is seen there");
}

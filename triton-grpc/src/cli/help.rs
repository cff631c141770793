//! What `--help` teaches: examples, below the options of each command.

/// Below the list of commands.
pub(crate) const TOP: &str = "\
A first look:
  kubectl triton list                       what is going on
  kubectl triton watch web-df               look on, and steer by single keys
  kubectl triton explain web-df             why is it not moving, and what to type

It works on the cluster of the kubeconfig, with the rights of whoever that is of. --server (TRITON_SERVER)
asks an operator over gRPC instead; where one runs in a cluster, reach it through a port that is forwarded:
  kubectl -n NAMESPACE port-forward deployment/triton-operator 8099:8099

Colours are used on a terminal only, and not where NO_COLOR is set.";

/// `get`.
pub(crate) const GET: &str = "\
Examples:
  kubectl triton get web-df
  kubectl triton get web-df -o yaml
  kubectl triton get web-df -o json | jq .status.waiting";

/// `list`.
pub(crate) const LIST: &str = "\
Examples:
  kubectl triton list
  kubectl triton list --instance web --action update --limit 5
  kubectl triton list -A -o wide";

/// `create`.
pub(crate) const CREATE: &str = "\
Documents of other kinds are left alone and named. A flow without metadata.name gets a name.
See what it would do first: kubectl triton plan -f FILE

Examples:
  kubectl triton create -f deploy.yaml
  generate | kubectl triton create -f - -o name";

/// `next`.
pub(crate) const NEXT: &str = "\
The permission is given for what is seen waiting at that moment, so that two people who press at the
same time let one batch go, not two. --expect says it outright, for scripts.

Examples:
  kubectl triton next web-df
  kubectl triton next web-df --expect 1/Smoked";

/// `continue`.
pub(crate) const CONTINUE: &str = "\
Examples:
  kubectl triton continue web-df --batch 3                  through batch 3
  kubectl triton continue web-df --batch 4 --stage Smoking  until batch 4 has begun
  kubectl triton continue web-df --batch 1000               through all of them";

/// `pause` and `resume`.
pub(crate) const PAUSE: &str = "\
A flow that paused by failure is lifted the same way, once its pods are mended.

Examples:
  kubectl triton pause web-df
  kubectl triton resume web-df";

/// `cancel`.
pub(crate) const CANCEL: &str = "\
Finished batches stay as they are. The new pods of the unfinished batch are pulled out, drained and
removed, unless its old pods have begun to leave; then that exchange is completed.

Examples:
  kubectl triton cancel web-df
  kubectl triton wait web-df --for=finished";

/// `rollback`.
pub(crate) const ROLLBACK: &str = "\
Examples:
  kubectl triton rollback web                          to the last good revision before this one
  kubectl triton rollback web --to-flow web-df-7       to what that flow brought
  kubectl triton rollback web --to-revision 6ddf9b7cf4 --batch-size 50% --mode auto";

/// `restart`.
pub(crate) const RESTART: &str = "\
Examples:
  kubectl triton restart web --batch-size 25% --mode auto --interval 30
  kubectl triton restart web --pods web-2mwkt,web-x7k2p";

/// `scale`.
pub(crate) const SCALE: &str = "\
Examples:
  kubectl triton scale web --replicas 10 --batch-size 2 --mode auto
  kubectl triton scale web --replicas 2 --delete-pods web-2mwkt";

/// `start` and `stop`.
pub(crate) const START: &str = "\
Examples:
  kubectl triton stop web            zero pods; the workload, its template and its size are kept
  kubectl triton start web           as many pods as there were
  kubectl triton start web --replicas 2";

/// `delete`.
pub(crate) const DELETE: &str = "\
Examples:
  kubectl triton delete flow web-df       forget a finished flow; no pod is touched
  kubectl triton delete instance web      remove the pods, drained, and then the workload; asks first";

/// `history`.
pub(crate) const HISTORY: &str = "\
Examples:
  kubectl triton history web
  kubectl triton history web -o wide";

/// `wait`.
pub(crate) const WAIT: &str = "\
Exit codes:
  0  what was waited for has come
  1  error: nobody can be reached, there is no such flow
  2  usage
  3  the flow failed, was replaced, or ended short of what was waited for
  4  the flow was cancelled
  5  the time was over
  6  the flow waits for a person (not with --stay)

Examples:
  kubectl triton wait web-df                                    until Success
  kubectl triton wait web-df --for=waiting --timeout 5m && kubectl triton next web-df
  kubectl triton wait web-df --for=batch=2/Baked --stay";

/// `explain`.
pub(crate) const EXPLAIN: &str = "\
Examples:
  kubectl triton explain web-df
  kubectl triton explain web-df -o json";

/// `plan`.
pub(crate) const PLAN: &str = "\
Nothing is written; what create would refuse of a file is refused. Times are the earliest possible:
intervals and drain times are counted; people, booting pods and registries are taken to need no time.

Examples:
  kubectl triton plan -f deploy.yaml
  kubectl triton plan web --batch-size 1,10%,50% --mode auto --interval 60
  kubectl triton plan web --current 40 --batch-size 25%      without asking anybody";

/// `watch`.
pub(crate) const WATCH: &str = "\
Keys on a terminal: n next, p pause, r resume, c cancel, q quit; n and c ask again first.
Not on a terminal a line is printed for each change, until the flow has ended.

Examples:
  kubectl triton watch web-df
  kubectl triton watch --instance web
  kubectl triton watch web-df | tee rollout.log";

/// `instances`.
pub(crate) const INSTANCES: &str = "\
Examples:
  kubectl triton instances
  kubectl triton instances -A -o wide";

/// `pods`.
pub(crate) const PODS: &str = "\
Examples:
  kubectl triton pods web
  kubectl triton pods web -o name";

/// `completion`.
pub(crate) const COMPLETION: &str = "\
Examples:
  source <(kubectl triton completion bash)
  kubectl triton completion zsh > \"${fpath[1]}/_kubectl-triton\"";

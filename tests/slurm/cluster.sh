#!/bin/bash
# A real Slurm cluster of N nodes on this one machine, for root, on loopback. Each node's DIR/local is a disk of its
# own (a tmpfs in the node's mount namespace, at the same path); all else is shared. Debian: slurm-wlm munge.
#   cluster.sh up DIR N PORT SIZE    starts it, on ports from PORT on; DIR/slurm.conf is its configuration
#   cluster.sh down DIR              ends the daemons that it started, and no others
set -euo pipefail
dir=$2
if [ "$1" = down ]; then
  pids=$(cat "$dir"/run/*.pid 2>/dev/null || true)
  for pid in $pids; do kill "$pid" 2>/dev/null || true; done
  for pid in $pids; do
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
  done
  exit 0
fi
nodes=$3 port=$4 size=$5 host=$(cat /proc/sys/kernel/hostname)
mkdir -p "$dir"/{state,spool,run,log,local}
chmod 755 "$dir" "$dir/run"
# A munge of its own: the machine's may not run, or be another's.
(umask 077 && head -c 1024 /dev/urandom >"$dir/key")
munged --force --key-file="$dir/key" --socket="$dir/run/munge.socket" --pid-file="$dir/run/munged.pid" \
  --log-file="$dir/log/munged.log" --seed-file="$dir/state/munge.seed"
cat >"$dir/slurm.conf" <<END
ClusterName=mambaenv
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
AuthType=auth/munge
AuthInfo=socket=$dir/run/munge.socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool/%n
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/slurmd-%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
KillWait=5
NodeName=n[1-$nodes] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + nodes))] CPUs=64 State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:8
END
export SLURM_CONF=$dir/slurm.conf
slurmctld -f "$SLURM_CONF" >&2
for i in $(seq "$nodes"); do
  mkdir -p "$dir/spool/n$i"
  # shellcheck disable=SC2016 # the inner bash's own
  unshare -m --propagation private bash -c \
    'mount -t tmpfs -o "size=$1,mode=1777" "mambaenv-$3" "$2" && exec slurmd -N "$3" -f "$SLURM_CONF"' \
    bash "$size" "$dir/local" "n$i" >&2
done
for _ in $(seq 600); do
  [ "$(sinfo -h -t idle -o %D 2>/dev/null || echo 0)" = "$nodes" ] && exit 0
  sleep 0.1
done
echo "the nodes did not come up" >&2
sinfo >&2 || true
exit 1

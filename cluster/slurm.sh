#!/bin/bash
# The whole experiment on a Slurm cluster: a scheduler of Dask, a worker for each task of the job, and `xit reproduce`.
# Submit it in the project's folder, on a disk that all nodes share:
#     sbatch cluster/slurm.sh --profile reference
# What stands behind the script goes to `xit reproduce`. Set the numbers below to those of your cluster; leave
# --gpus-per-task out, and GPUS=0, where there are none. Submit it again to go on after its time is up.
#SBATCH --job-name xit
#SBATCH --nodes 4
#SBATCH --ntasks-per-node 4
#SBATCH --cpus-per-task 8
#SBATCH --mem-per-cpu 8G
#SBATCH --gpus-per-task 1
#SBATCH --time 24:00:00
#SBATCH --signal B:TERM@120
#SBATCH --output slurm-%j.log
set -eu
source .venv/bin/activate
port=${PORT:-8786}
address=tcp://$(hostname -i | cut -d ' ' -f 1):$port
dask scheduler --port "$port" --no-dashboard &
srun dask worker "$address" --nthreads "$SLURM_CPUS_PER_TASK" --memory-limit "${MEMORY:-64GiB}" \
    --resources "gpus=${GPUS:-1}" --local-directory "${TMPDIR:-/tmp}" --no-dashboard &
xit reproduce "$@" --executor dask --scheduler "$address" &
run=$!
trap 'kill -TERM $run' TERM # two minutes before the end: it stops in order, and what is finished is kept
code=0
wait $run || code=$?
if [ $code -gt 128 ]; then wait $run || code=$?; fi # the signal ended the first wait, and not the run
kill $(jobs -p) 2> /dev/null || true
exit $code

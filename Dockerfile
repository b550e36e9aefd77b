# The whole experiment in a container, as a user without rights and, at run time, without a network:
#   docker build -t xit . && docker run --gpus all --name xit xit && docker cp xit:/xit/paper/main.pdf .
#   make reproduce IN=docker                 # the same on this folder, whose owner then owns the results
#   docker run --rm --gpus all xit xit doctor    # whether driver, GPUs, memory and disk do; exits with 1 where not
#
# Torch's wheels bring their CUDA 13.0 libraries, so the `base` flavour is enough; the host's driver must be 580 or
# later. What the digest stands for today: docker buildx imagetools inspect nvidia/cuda:13.0.1-base-ubuntu24.04
ARG BASE_IMAGE=nvidia/cuda:13.0.1-base-ubuntu24.04@sha256:f8ef28f579ea42a44b415d2c5d46f788e6a9b395c6c83f2929416e1fc192c143

FROM ${BASE_IMAGE} AS system
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean \
    && apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends make python3 python3-venv
RUN useradd --non-unique --uid 1000 --create-home xit && install -d -o xit -g xit /xit
USER xit
WORKDIR /xit

# The dependencies, with hashes; a change of the sources does not come here.
FROM system AS environment
# Empty: torch as pip finds it, without hashes, on a base where only its CPU build is wanted.
ARG CUDA=1
COPY --chown=xit:xit Makefile ./
COPY --chown=xit:xit requirements requirements
RUN --mount=type=cache,target=/home/xit/.cache/pip,uid=1000 make environment CUDA="${CUDA}"

FROM environment AS experiment
COPY --chown=xit:xit . .
RUN make setup
ENV PATH=/xit/.venv/bin:$PATH PYTHONUNBUFFERED=1
ARG BASE_IMAGE
ARG REVISION=
LABEL org.opencontainers.image.title="xit" \
      org.opencontainers.image.description="English intermediate-task training and zero-shot cross-lingual transfer" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}" \
      org.opencontainers.image.documentation="docs/index.md" \
      org.opencontainers.image.licenses="Apache-2.0"
CMD ["make", "reproduce"]

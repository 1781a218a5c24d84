remote=$1
input=$(cat; printf x)
input=${input%x}
kept=$(dirname -- "$0")/pre-push.kept-by-perf-gate
if [ -x "$kept" ]; then
    # The kept one may call this one again, which another tool has moved behind it.
    push=$(printf %s "$input" | cksum)
    if [ "$PERF_HOOK_RUNNING" = "$push" ]; then exit 0; fi
    printf %s "$input" | PERF_HOOK_RUNNING=$push "$kept" "$@" || exit
fi
if [ "$CI" = true ] || [ "$PERF_SKIP" = 1 ]; then exit 0; fi
# Git's variables say which repository this is about; then they go.
required=$(git config --type=bool --get perf.required) || [ $? = 1 ] || {
    echo "warning: git config perf.required is not a boolean: it counts as true" >&2
    required=true
}
root=$(git rev-parse --show-toplevel 2>/dev/null)
unset $(git rev-parse --local-env-vars)
checkout=$root/$prefix
# In .git itself, or with a working tree that does not say whose it is, git cannot tell.
if [ -z "$root" ] || ! git -C "$root" rev-parse 2>/dev/null; then checkout=$installed_for; fi
ask() { printf %s "$input" | "$@" hook pre-push -C "$checkout" "$remote"; }
if [ -n "$package" ]; then export CARGO_MANIFEST_DIR="$package"; fi
answer=
if [ -x "$tool" ]; then
    answer=$(ask "$tool")
    status=$?
elif [ -n "$package" ] && [ -e "$package/Cargo.toml" ]; then
    answer=$(cd "$package" && ask cargo run --quiet --locked --offline --)
    status=$?
else
    echo "warning: the performance gate is no longer at $tool" >&2
    echo "  where it is now: cargo xtask hook install -C \"$checkout\"" >&2
    status=missing
fi
case $answer$status in
    decided[012]) exit $status ;;
    decided3 | missing) ;;
    *) echo "warning: the performance gate did not run (exit $status): nothing was judged" >&2 ;;
esac
if [ "$required" = true ]; then
    echo "push blocked: git config perf.required is true" >&2
    echo "  push anyway: PERF_SKIP=1 git push, or git push --no-verify" >&2
    exit 3
fi

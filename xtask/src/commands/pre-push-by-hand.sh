# The performance gate: a push with a measured regression is blocked.
pushed=$(cat)
gate() {
    [ "$CI" != true ] || { printf decided; return; }
    [ -e MANIFEST ] && command -v cargo >/dev/null || return
    unset $(git rev-parse --local-env-vars)
    ENTERprintf '%s\n' "$pushed" |
        cargo --locked --offline xtask hook pre-push "$1"
}
answer=$(gate "$@") && status=0 || status=$?
case $answer$status in
decided0) ;;
decided[12]) exit 1 ;;
*) if [ "$PERF_SKIP" != 1 ] &&
    [ "$(git config --type=bool perf.required)" = true ]; then
    echo "push blocked: git config perf.required is true" >&2
    echo "  push anyway: PERF_SKIP=1 git push, or git push --no-verify" >&2
    exit 1
fi ;;
esac
exec <<PUSHED
$pushed
PUSHED

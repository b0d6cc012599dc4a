# Waits until a machine's first boot has ended and says why when it ended badly.   bash -s BIRTH
# 0 = done; 2 = done with warnings, which a cloud's own image may give; what counts is that our own script came through.
state=/var/lib/slipway-agent
came_through() { sudo -n test -e $state/bootstrapped && ! sudo -n test -e $state/bootstrap-failed; }
sudo -n cloud-init status --wait >/dev/null 2>&1
boot=$?
if [[ $boot == [02] ]] && came_through; then
    echo "$1"
    exit 0
fi
failed=$(sudo -n cat $state/bootstrap-failed 2>/dev/null)
echo "the first boot failed${failed:+ at: $failed}"
sudo -n cloud-init status --long 2>/dev/null | sed -n '/^errors:/,$p'
echo "the end of /var/log/cloud-init-output.log:"
sudo -n tail -n 40 /var/log/cloud-init-output.log
echo "the way out: mend cloud-init/ and raise server-generation, or look around with ssh while the machine stands"
exit 1

from rehearsal.plugins.hcloud import main

main()

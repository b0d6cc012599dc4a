from rehearsal.plugins.digitalocean import main

main()
